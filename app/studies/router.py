"""Routes for studies: create, get, list, cancel, delete, and their curves."""

from typing import Annotated, NamedTuple

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Response

from app import errors
from app.history.router import DRAWING_PROBLEMS, PNG_RESPONSE, Points
from app.jobs.router import CREATE_PROBLEMS, TRANSITION_PROBLEMS
from app.studies import service
from app.studies.curve_schemas import StudyCurves
from app.studies.curve_views import view_curves
from app.studies.curves import MAX_CURVES, Curve
from app.studies.expansion import expand, require_all_weights
from app.studies.importance import view_importance
from app.studies.request_schemas import MAX_CONFIGURATIONS, StudyRequest
from app.studies.schemas import STUDY_ID, StudyImportance, StudySummary, StudyView
from app.studies.trial import Trial
from app.studies.views import list_curves, summarize_study, view_study
from app.web.dependencies import (
    NEEDS_SPACE,
    DatabaseDep,
    PageDep,
    ReadSessionDep,
    SearchText,
    SessionDep,
    SettingsDep,
)
from app.web.drawing import draw
from app.web.idempotency import Created, IdempotencyDep, fingerprint_of
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["studies"])

StudyId = Annotated[str, Path(max_length=40, description="The study.", examples=[STUDY_ID])]

_NOT_FOUND = problem_responses(errors.NotFound)


class _Expanded(NamedTuple):
    request: StudyRequest
    trials: list[Trial]


def _expand_study(body: StudyRequest, settings: SettingsDep) -> _Expanded:
    """Expand the study and check weights before the transaction, as that may use the network."""
    trials = expand(body)
    require_all_weights(trials, settings)
    return _Expanded(body, trials)


@router.post(
    "/studies",
    status_code=202,
    response_model=StudyView,
    summary="Create a study",
    dependencies=[NEEDS_SPACE],
    responses=CREATE_PROBLEMS,
)
def create_study(
    expanded: Annotated[_Expanded, Depends(_expand_study)],
    session: SessionDep,
    settings: SettingsDep,
    idempotency: IdempotencyDep,
) -> Response:
    """Queue a job for each configuration and seed on one dataset; all are queued or none.

    With the search methods `tpe` and `hyperband` only the first configurations are queued; workers
    choose and queue the others by the results.

    Every successful run registers a model version, by default under the dataset's name. The first
    model of the service becomes the serving model. To keep a study's models apart, set another
    `model_name` in `base`. A run that successive halving stops is `cancelled` and registers no
    model.
    """

    def create() -> Created:
        study = service.create_study(session, expanded.request, expanded.trials, settings)
        return Created(view_study(session, study), f"/studies/{study.id}")

    answer, _ = idempotency.answer_once(session, fingerprint_of(expanded.request), create)
    return answer


@router.get("/studies", summary="List studies, newest first")
def list_studies(
    session: ReadSessionDep, page: PageDep, text: SearchText = None
) -> Page[StudySummary]:
    """List studies with their progress; GET /studies/{id} has the ranking."""
    studies, has_more = service.list_studies(session, limit=page.limit, after=page.after, text=text)
    summaries = [summarize_study(session, study) for study in studies]
    return make_page(summaries, lambda study: study.id, has_more=has_more)


@router.get("/studies/{study_id}", summary="Get a study", responses=_NOT_FOUND)
def get_study(study_id: StudyId, session: ReadSessionDep) -> StudyView:
    """Return a study with its configurations, ranked by the runs so far, with 95 % intervals."""
    return view_study(session, service.get_study(session, study_id))


@router.get(
    "/studies/{study_id}/curves.png",
    response_class=Response,
    summary="Get a study's curves as an image",
    responses=DRAWING_PROBLEMS | PNG_RESPONSE,
)
async def get_curves(
    study_id: StudyId,
    database: DatabaseDep,
    limit: Annotated[
        int, Query(ge=1, le=MAX_CURVES, description="Number of configurations, from the best.")
    ] = 10,
) -> Response:
    """Draw validation accuracy by epoch: mean over seeds, and a band from lowest to highest."""

    def read() -> list[Curve]:
        with database.reading() as session:
            return list_curves(session, service.get_study(session, study_id), limit=limit)

    curves = await run_sync(read)

    def draw_curves() -> bytes:
        from app.studies.charts import draw_study  # noqa: PLC0415 - slow to import, and not always needed

        return draw_study(curves)

    return Response(await draw(draw_curves), media_type="image/png")


@router.get("/studies/{study_id}/curves", summary="Get a study's curves", responses=_NOT_FOUND)
def get_curve_data(
    study_id: StudyId,
    session: ReadSessionDep,
    limit: Annotated[
        int,
        Query(ge=1, le=MAX_CONFIGURATIONS, description="Number of configurations, from the best."),
    ] = MAX_CURVES,
    points: Points = None,
) -> StudyCurves:
    """Return accuracy and loss by epoch for each configuration, from the best.

    Each has its mean over the seeds, and the lowest and the highest run. `curves.png` draws them.
    """
    study = service.get_study(session, study_id)
    return view_curves(session, study, limit=limit, num_points=points)


@router.get(
    "/studies/{study_id}/importance",
    summary="Get the importance of a study's fields",
    responses=_NOT_FOUND,
)
def get_importance(study_id: StudyId, session: ReadSessionDep) -> StudyImportance:
    """Return how much each field of the search space matters for the accuracy (PED-ANOVA).

    It is measured on the configurations that have finished: with few of them it is mostly chance.
    """
    return view_importance(session, service.get_study(session, study_id))


@router.post(
    "/studies/{study_id}/cancel",
    status_code=202,
    summary="Cancel a study's unfinished runs",
    responses=TRANSITION_PROBLEMS,
)
def cancel_study(study_id: StudyId, session: SessionDep) -> StudyView:
    """Cancel the runs that have not ended; finished runs and their models stay.

    A `tpe` or `hyperband` search chooses no more configurations.
    """
    return view_study(session, service.cancel_study(session, study_id))


@router.delete(
    "/studies/{study_id}",
    status_code=204,
    summary="Delete a finished study and its jobs",
    responses=TRANSITION_PROBLEMS,
)
def delete_study(study_id: StudyId, session: SessionDep) -> None:
    """Delete a study and its jobs with their histories and events; their models stay."""
    service.delete_study(session, study_id)
