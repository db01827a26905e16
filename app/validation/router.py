"""Asking what a job would do and cost, before posting it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.presentation import answer_pending
from app.db.tables import Inquiry
from app.recipes.schemas import JobRequest
from app.validation.schemas import Validation, ValidationProblem
from app.validation.service import find_weights_problem, get_validation, validate_request
from app.web.dependencies import ReadSessionDep, SessionDep, SettingsDep
from app.web.problems import problem_responses

router = APIRouter(tags=["jobs"])

_PENDING = {
    "model": Validation,
    "description": "What is known before a batch has been run; `Location` brings the rest.",
}


def _look_for_weights(body: JobRequest, settings: SettingsDep) -> ValidationProblem | None:
    return find_weights_problem(body, settings)


@router.post(
    "/jobs/validate",
    response_model=Validation,
    summary="Ask what POST /jobs would do",
    responses={202: _PENDING},
)
def validate_job(
    body: JobRequest,
    weights_problem: Annotated[ValidationProblem | None, Depends(_look_for_weights)],
    session: SessionDep,
    settings: SettingsDep,
) -> Response:
    """Resolve the configuration, say what stands against it, and have one batch run.

    Creates no job. The batch is run once a `train` worker is free, for it is to find what the job
    would find: where one is training, `measured` can take as long as that does.
    """
    validation, inquiry = validate_request(session, body, settings, weights_problem)
    return _answer(validation, inquiry)


@router.get(
    "/jobs/validate/{inquiry_id}",
    response_model=Validation,
    summary="Look at a validation again",
    responses={202: _PENDING, **problem_responses(errors.NotFound)},
)
def look_at_validation(
    inquiry_id: Annotated[
        str,
        Path(
            max_length=40,
            description="From `Location`.",
            examples=["inq_01k0w1rhzemcbybsywa1w8p9"],
        ),
    ],
    session: ReadSessionDep,
) -> Response:
    """What POST /jobs/validate answered, with what has been measured since."""
    return _answer(*get_validation(session, inquiry_id))


def _answer(validation: Validation, inquiry: Inquiry | None) -> Response:
    if inquiry is not None and inquiry.status == "waiting":
        return answer_pending(inquiry, location=f"/jobs/validate/{inquiry.id}", body=validation)
    return JSONResponse(validation.model_dump(mode="json"))
