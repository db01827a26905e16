"""Routes for advice on how to train on a dataset."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from app import errors
from app.advice.schemas import Advice
from app.advice.service import request_advice
from app.analyses.service import require_result
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.recipes import service
from app.recipes.schemas import DATASET_ID, JobRequest
from app.web.dependencies import ServicesDep, SessionDep, SettingsDep
from app.web.problems import problem_responses

router = APIRouter(tags=["advice"])


def _make_request(
    settings: SettingsDep,
    dataset_id: Annotated[
        str, Path(max_length=40, description="The dataset.", examples=[DATASET_ID])
    ],
    architecture: Annotated[
        str,
        Query(
            max_length=64,
            description="An architecture from GET /architectures; `auto`: the one with the highest "
            "ImageNet accuracy that trains within an hour on this machine.",
            examples=["resnet18"],
        ),
    ] = "resnet18",
) -> JobRequest:
    """Return the job request to give advice on; checks its weights before the transaction."""
    request = JobRequest(dataset_id=dataset_id, architecture=architecture, strategy="auto")
    try:
        service.require_weights(request, settings)
    except errors.ValidationFailed as error:  # the only field is in the query, not in the body
        raise errors.ValidationFailed(
            *(replace(problem, loc=("query", *problem.loc[1:])) for problem in error.problems)
        ) from None
    return request


@router.get(
    "/datasets/{dataset_id}/advice",
    response_model=Advice,
    summary="Get advice on how to train on a dataset",
    responses={
        **PENDING_RESPONSE,
        **problem_responses(
            errors.NotFound,
            errors.BudgetTooSmall,
            errors.DatasetInvalid,
            errors.TooFewImages,
            errors.ValidationFailed,
            errors.WeightsUnavailable,
            errors.StorageFull,
        ),
    },
)
def get_advice(
    request: Annotated[JobRequest, Depends(_make_request)],
    session: SessionDep,
    services: ServicesDep,
) -> Response:
    """Return which layers to train, measured on the training images.

    Jobs with `strategy: auto` use the same advice. A worker measures it once: until then the
    answer is 202, and the same request returns the advice later. A failure is returned for a
    minute; then the next request starts the measurement again.
    """
    config, dataset, base = service.resolve_new(session, request, services.settings)
    analysis = request_advice(session, request, config, dataset, base)
    advice = require_result(analysis)
    if advice is None:
        services.space.require()
        location = f"/datasets/{dataset.id}/advice?architecture={config.architecture}"
        return pending_response(analysis, location=location)
    return JSONResponse(Advice.model_validate(advice).model_dump(mode="json"))
