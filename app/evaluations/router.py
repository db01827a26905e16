"""HTTP of evaluations: a registered version, judged on the images of any dataset."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.datasets.manifest import Split
from app.evaluations.schemas import EvaluateRequest, Evaluation, Runtime
from app.evaluations.service import Asked, get_evaluation, present, request_evaluation
from app.models.paths import NamePath, VersionPath
from app.web.dependencies import ReadSessionDep, SessionDep, SettingsDep
from app.web.problems import problem_responses

router = APIRouter(tags=["models"])


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
    summary="Judge a version on a dataset",
    responses=_RESPONSES,
)
def evaluate_version(
    session: SessionDep,
    runtime: RuntimeDep,
    name: NamePath,
    version: VersionPath,
    body: EvaluateRequest,
) -> Response:
    """Say what a version is worth on images of your choice, prepared and scored as in serving.

    A worker looks at them once: until then the answer is 202, and `Location`, or the same request,
    brings the figures later. A failure is answered for a minute, then it is tried again.
    """
    return _answer(request_evaluation(session, name, version, body, runtime=runtime))


@router.get(
    "/models/{name}/versions/{version}/evaluations/{dataset_id}",
    response_model=Evaluation,
    summary="Look at an evaluation",
    responses=_RESPONSES,
)
def look_at_evaluation(  # noqa: PLR0913, PLR0917 - what the path and the query say
    session: ReadSessionDep,
    runtime: RuntimeDep,
    name: NamePath,
    version: VersionPath,
    dataset_id: Annotated[
        str,
        Path(
            max_length=40,
            pattern=r"^[\w-]+$",
            description="The dataset.",
            examples=["ds_01k0w1rhzekvcw9wykj3fymg"],
        ),
    ],
    split: Annotated[
        Split | None,
        Query(description="Which of its images; left out, `test` where there is one, else `val`."),
    ] = None,
) -> Response:
    """Show what was asked for before."""
    request = EvaluateRequest(dataset_id=dataset_id, split=split)
    return _answer(get_evaluation(session, name, version, request, runtime=runtime))


def answer_when_evaluated(asked: Asked) -> Response:
    """202: where the evaluation is to be looked at."""
    version = f"/models/{asked.version.name}/versions/{asked.version.version}"
    location = f"{version}/evaluations/{asked.dataset.id}?split={asked.split}"
    return pending_response(asked.analysis, location=location)


def _answer(asked: Asked) -> Response:
    evaluation = present(asked)
    if evaluation is None:
        return answer_when_evaluated(asked)
    return JSONResponse(evaluation.model_dump(mode="json"))
