"""Routes that validate a job request and measure one batch, without creating a job."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.views import pending_response
from app.db.tables import AnalysisRequest
from app.recipes.schemas import JobRequest
from app.validation.schemas import Validation, ValidationProblem
from app.validation.service import find_weights_problem, get_validation, validate_request
from app.web.dependencies import ReadSessionDep, ServicesDep, SessionDep, SettingsDep
from app.web.problems import problem_responses

router = APIRouter(tags=["jobs"])

_PENDING = {
    "model": Validation,
    "description": "The validation before the batch has been run; get `Location` for the rest.",
}


class _Checked(NamedTuple):
    request: JobRequest
    weights_problem: ValidationProblem | None


def _check_weights(body: JobRequest, settings: SettingsDep) -> _Checked:
    """Check the weights before the transaction begins, because the check may use the network."""
    return _Checked(body, find_weights_problem(body, settings))


@router.post(
    "/jobs/validate",
    response_model=Validation,
    summary="Validate a training job",
    responses={202: _PENDING, **problem_responses(errors.StorageFull)},
)
def validate_job(
    checked: Annotated[_Checked, Depends(_check_weights)],
    session: SessionDep,
    services: ServicesDep,
    dry_run: Annotated[
        bool, Query(description="Whether a worker runs one batch; false: `measured` is null.")
    ] = True,
) -> Response:
    """Resolve the configuration, list its problems, and run one batch; no job is created.

    A `train` worker runs the batch once it is free, because it measures on the device of jobs:
    while that worker is training, `measured` stays null.
    """
    validation, analysis = validate_request(
        session, checked.request, services.settings, checked.weights_problem, dry_run=dry_run
    )
    if analysis is not None and analysis.status == "waiting":
        services.space.require()
    return _answer(validation, analysis)


@router.get(
    "/jobs/validate/{analysis_id}",
    response_model=Validation,
    summary="Get a validation",
    responses={202: _PENDING, **problem_responses(errors.NotFound)},
)
def read_validation(
    analysis_id: Annotated[
        str,
        Path(
            max_length=40,
            description="Id from the header `Location`.",
            examples=["inq_01k0w1rhzemcbybsywa1w8p9"],
        ),
    ],
    session: ReadSessionDep,
) -> Response:
    """Return the result of POST /jobs/validate, with the measurement once it is finished."""
    return _answer(*get_validation(session, analysis_id))


def _answer(validation: Validation, analysis: AnalysisRequest | None) -> Response:
    if analysis is not None and analysis.status == "waiting":
        return pending_response(analysis, location=f"/jobs/validate/{analysis.id}", body=validation)
    return JSONResponse(validation.model_dump(mode="json"))
