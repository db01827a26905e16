"""Posting, watching and ending studies."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from app import errors
from app.studies import service
from app.studies.charts import MAX_CURVES, draw_study
from app.studies.expansion import expand, require_all_weights
from app.studies.presentation import list_curves, summarize_study, view_study
from app.studies.request_schemas import StudyRequest
from app.studies.schemas import STUDY_ID, StudySummary, StudyView
from app.studies.trial import Trial
from app.web.dependencies import PageDep, ReadSessionDep, SessionDep, SettingsDep
from app.web.idempotency import Created, IdempotencyDep, fingerprint_of
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["studies"])

StudyId = Annotated[str, Path(max_length=40, description="The study.", examples=[STUDY_ID])]

_NOT_FOUND = problem_responses(errors.NotFound)
_MOVES = problem_responses(errors.NotFound, errors.IllegalTransition)
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


def expand_study(body: StudyRequest, settings: SettingsDep) -> list[Trial]:
    """The configurations, and their weights looked for: no transaction waits for the network."""
    trials = expand(body)
    require_all_weights(trials, settings)
    return trials


@router.post(
    "/studies",
    status_code=202,
    response_model=StudyView,
    summary="Post a study",
    responses=problem_responses(
        errors.NotFound,
        errors.DatasetInvalid,
        errors.IdempotencyConflict,
        errors.ValidationFailed,
        errors.WeightsUnavailable,
    ),
)
def create_study(
    body: StudyRequest,
    trials: Annotated[list[Trial], Depends(expand_study)],
    session: SessionDep,
    settings: SettingsDep,
    idempotency: IdempotencyDep,
) -> Response:
    """Run several configurations and seeds over one dataset, each as a job; all are queued or none.

    Every successful run registers a version of its model, by default under the dataset's name, and
    the first model ever registered is chosen for predictions. Give `base` another `model_name` to
    keep a study apart. A run that successive halving gives up ends `cancelled` and registers none.
    """

    def create() -> Created:
        study = service.create_study(session, body, trials, settings)
        return Created(view_study(session, study), f"/studies/{study.id}")

    answer, _ = idempotency.answer_once(session, fingerprint_of(body), create)
    return answer


@router.get("/studies", summary="List studies, newest first")
def list_studies(session: ReadSessionDep, page: PageDep) -> Page[StudySummary]:
    """How far each is; its ranking stands in the study itself."""
    studies, has_more = service.list_studies(session, limit=page.limit, after=page.after)
    summaries = [summarize_study(session, study) for study in studies]
    return make_page(summaries, lambda study: study.id, has_more=has_more)


@router.get("/studies/{study_id}", summary="Look at a study", responses=_NOT_FOUND)
def get_study(study_id: StudyId, session: ReadSessionDep) -> StudyView:
    """Its configurations ranked with 95 % intervals, as far as its runs have come."""
    return view_study(session, service.get_study(session, study_id))


@router.get(
    "/studies/{study_id}/curves.png",
    response_class=Response,
    summary="A study's curves in one picture",
    responses=_NOT_FOUND | _PNG,
)
def get_curves(
    study_id: StudyId,
    session: ReadSessionDep,
    limit: Annotated[
        int, Query(ge=1, le=MAX_CURVES, description="How many configurations, from the best.")
    ] = 10,
) -> Response:
    """Validation accuracy by epoch: the mean over seeds, in a band from lowest to highest."""
    study = service.get_study(session, study_id)
    return Response(draw_study(list_curves(session, study, limit=limit)), media_type="image/png")


@router.post(
    "/studies/{study_id}/cancel",
    status_code=202,
    summary="Give a study's unfinished runs up",
    responses=_MOVES,
)
def cancel_study(study_id: StudyId, session: SessionDep) -> StudyView:
    """What has finished stays, its models too."""
    return view_study(session, service.cancel_study(session, study_id))


@router.delete(
    "/studies/{study_id}",
    status_code=204,
    summary="Delete a finished study and its jobs",
    responses=_MOVES,
)
def delete_study(study_id: StudyId, session: SessionDep) -> None:
    """Histories and events of its jobs go, too; the models that came out of them stay."""
    service.delete_study(session, study_id)
