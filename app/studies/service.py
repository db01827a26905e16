"""Create, get, list, cancel and delete studies."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.orm import Session

from app.access import audit
from app.datasets.repository import DatasetRepository
from app.db.base import new_id
from app.db.study_tables import Study, StudyTrial
from app.errors import IllegalTransition, NotFound
from app.jobs.service import cancel_job, create_job
from app.jobs.states import TERMINAL
from app.settings import Settings
from app.studies.adaptive import begin_search, end_search
from app.studies.pruning import require_prunable
from app.studies.repository import ASKING, StudyRepository
from app.studies.request_schemas import ADAPTIVE, StudyRequest
from app.studies.trial import ProblemCollector, Trial


def create_study(
    session: Session, request: StudyRequest, trials: Sequence[Trial], settings: Settings
) -> Study:
    """Queue a job for each trial and seed, all or none; an adaptive search queues its first trials.

    Jobs are queued seed by seed, so that every trial has a first result early. Raises the errors of
    create_job; ValidationFailed has all problems, located in the study's request.
    """
    dataset = DatasetRepository(session).get(request.dataset_id, share_lock=True)
    study = Study(
        id=new_id("study"),
        name=request.name or dataset.name,
        dataset_id=dataset.id,
        config=request.model_dump(mode="json", include={"base", "seeds", "search"}),
        labels=request.metadata,
    )
    session.add(study)
    session.flush()
    if request.search is not None and request.search.method in ADAPTIVE:
        begin_search(session, study, request, settings)
        return study
    problems = ProblemCollector()
    for trial in trials:
        session.add(
            StudyTrial(
                study_id=study.id, trial=trial.number, name=trial.name, changes=trial.changes
            )
        )
    for seed in request.seeds:
        for trial in trials:
            with problems.collecting(trial.source):
                job = create_job(
                    session,
                    trial.make_request(seed),
                    settings,
                    study_id=study.id,
                    trial=trial.number,
                )
                require_prunable(job, request.search)
        problems.raise_if_any()
    return study


def get_study(session: Session, study_id: str) -> Study:
    """Return the study; raises NotFound."""
    return StudyRepository(session).get(study_id)


def list_studies(
    session: Session, *, limit: int, after: str | None, text: str | None = None
) -> tuple[list[Study], bool]:
    """Return a page of studies, newest first, and whether there are more."""
    studies = StudyRepository(session).list_page(limit=limit, after=after, text=text)
    return list(studies[:limit]), len(studies) > limit


def cancel_study(session: Session, study_id: str) -> Study:
    """Cancel all unfinished runs, and ask for no more; raises IllegalTransition if it has ended."""
    studies = StudyRepository(session)
    study = studies.get(study_id, lock=True)
    unfinished = studies.list_unfinished_ids(study_id)
    if not unfinished and study.search_status != ASKING:
        raise IllegalTransition("A finished study cannot be cancelled: it has ended.")
    if study.search_status == ASKING:
        end_search(study, "The study was cancelled, so the search asks for no more configurations.")
    for job_id in unfinished:
        with suppress(IllegalTransition, NotFound):  # it has ended or been deleted meanwhile
            cancel_job(session, job_id)
    return study


def delete_study(session: Session, study_id: str) -> None:
    """Delete a finished study and its jobs; registered models stay. Raises IllegalTransition."""
    studies = StudyRepository(session)
    study = studies.get(study_id, lock=True)
    is_asking = study.search_status == ASKING
    if is_asking or any(
        job.status not in TERMINAL for job in studies.list_jobs(study_id, lock=True)
    ):
        raise IllegalTransition("A running study cannot be deleted; cancel it first.")
    studies.delete_with_jobs(study)
    audit.record(session, "study.deleted", study_id, details={"name": study.name})
