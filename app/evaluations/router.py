"""HTTP routes that evaluate a registered version on a dataset."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.datasets.manifest import Split
from app.evaluations import service
from app.evaluations.schemas import EvaluateRequest, Evaluation, Runtime
from app.evaluations.service import RequestedEvaluation
from app.models.path_parameters import NamePath, VersionPath
from app.web.dependencies import NEEDS_SPACE, ReadSessionDep, SessionDep, SettingsDep
from app.web.problems import problem_responses

router = APIRouter(tags=["evaluations"])


def _runtime(settings: SettingsDep) -> Runtime:
    return Runtime(settings.predict_engine, settings.predict_precision)


RuntimeDep = Annotated[Runtime, Depends(_runtime)]

_RESPONSES = {
    **PENDING_RESPONSE,
    **problem_responses(
        errors.NotFound,
        errors.Conflict,
        errors.DatasetInvalid,
        errors.TooFewImages,
        errors.ValidationFailed,
        errors.Unavailable,
        errors.CheckpointInvalid,
    ),
}


@router.post(
    "/models/{name}/versions/{version}/evaluate",
    response_model=Evaluation,
    summary="Evaluate a version",
    dependencies=[NEEDS_SPACE],
    responses=_RESPONSES | problem_responses(errors.StorageFull),
)
def evaluate_version(
    session: SessionDep,
    runtime: RuntimeDep,
    name: NamePath,
    version: VersionPath,
    body: EvaluateRequest,
) -> Response:
    """Evaluate a version on a dataset, with the preprocessing and the engine of predictions.

    A worker does this once. Until it is done, the response is 202; get `Location`, or repeat the
    request, later. A failed evaluation returns its error for a minute; a request after that
    evaluates again.
    """
    return _respond(service.request_evaluation(session, name, version, body, runtime=runtime))


@router.get(
    "/models/{name}/versions/{version}/evaluations/{dataset_id}",
    response_model=Evaluation,
    summary="Get an evaluation",
    responses=_RESPONSES,
)
def get_evaluation(  # noqa: PLR0913, PLR0917 - one for each parameter of the request
    session: ReadSessionDep,
    runtime: RuntimeDep,
    name: NamePath,
    version: VersionPath,
    dataset_id: Annotated[
        str,
        Path(
            max_length=40,
            pattern=r"^[\w-]+$",
            description="Id of the dataset.",
            examples=["ds_01k0w1rhzekvcw9wykj3fymg"],
        ),
    ],
    split: Annotated[
        Split | None,
        Query(description="Split of the dataset. Default: `test` if it has one, otherwise `val`."),
    ] = None,
) -> Response:
    """Return an evaluation that was requested before."""
    request = EvaluateRequest(dataset_id=dataset_id, split=split)
    return _respond(service.get_evaluation(session, name, version, request, runtime=runtime))


def respond_pending(requested: RequestedEvaluation) -> Response:
    """Return 202 with the evaluation's location."""
    version = f"/models/{requested.version.name}/versions/{requested.version.version}"
    location = f"{version}/evaluations/{requested.dataset.id}?split={requested.split}"
    return pending_response(requested.analysis, location=location)


def _respond(requested: RequestedEvaluation) -> Response:
    evaluation = service.view_evaluation(requested)
    if evaluation is None:
        return respond_pending(requested)
    return JSONResponse(evaluation.model_dump(mode="json"))
