"""Create, get, list, cancel and delete studies, and stop runs early by successive halving."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.orm import Session

from app.datasets.repository import DatasetRepository
from app.db.base import new_id
from app.db.tables import Epoch, Job, Study, StudyTrial
from app.errors import IllegalTransition, InputProblem, NotFound
from app.jobs.events import append_event
from app.jobs.repository import JobRepository
from app.jobs.service import cancel_job, create_job
from app.jobs.states import TERMINAL
from app.settings import Settings
from app.studies.repository import StudyRepository
from app.studies.request_schemas import Search, StudyRequest
from app.studies.search import list_rungs, should_prune
from app.studies.trial import ProblemCollector, Trial


def create_study(
    session: Session, request: StudyRequest, trials: Sequence[Trial], settings: Settings
) -> Study:
    """Queue a job for each trial and seed, all or none.

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
                problems.add(*_find_unprunable(job, trial, request.search))
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
    """Cancel all unfinished runs; raises IllegalTransition if there are none."""
    studies = StudyRepository(session)
    study = studies.get(study_id)
    unfinished = studies.list_unfinished_ids(study_id)
    if not unfinished:
        raise IllegalTransition("A finished study cannot be cancelled: it has ended.")
    for job_id in unfinished:
        with suppress(IllegalTransition, NotFound):  # it has ended or been deleted meanwhile
            cancel_job(session, job_id)
    return study


def delete_study(session: Session, study_id: str) -> None:
    """Delete a finished study and its jobs; registered models stay. Raises IllegalTransition."""
    studies = StudyRepository(session)
    study = studies.get(study_id)
    if any(job.status not in TERMINAL for job in studies.list_jobs(study_id, lock=True)):
        raise IllegalTransition("A running study cannot be deleted; cancel it first.")
    studies.delete_with_jobs(study)


def prune_if_behind(session: Session, job_id: str, rows: Sequence[Epoch]) -> None:
    """Cancel a run of successive halving if it is worse than others at a rung among these epochs.

    rows are the epochs that were just recorded; the caller's transaction holds the run's lease. The
    run ends as `cancelled` and registers no model; its history stays.
    """
    job = JobRepository(session).get(job_id)
    if job.study_id is None or job.status != "running":
        return
    studies = StudyRepository(session)
    search = _find_halving(studies.get(job.study_id))
    if search is None:
        return
    rungs = list_rungs(
        min_epochs=search.min_epochs,
        reduction_factor=search.reduction_factor,
        epochs=job.progress["epochs"] or 0,
    )
    epochs = {row.epoch: row for row in rows if row.learning_rate is not None}
    for row in [epochs[rung] for rung in rungs if rung in epochs]:
        others = studies.list_other_accuracies(job.study_id, job_id, row.epoch)
        if should_prune(row.val_accuracy, others, reduction_factor=search.reduction_factor):
            append_event(
                session,
                job,
                "pruned",
                epoch=row.epoch,
                val_accuracy=row.val_accuracy,
                rivals=sorted(others, reverse=True),
                reduction_factor=search.reduction_factor,
            )
            cancel_job(session, job_id)
            return


def _find_halving(study: Study) -> Search | None:
    if study.config["search"] is None:
        return None
    search = Search.model_validate(study.config["search"])
    return search if search.method == "successive_halving" else None


def _find_unprunable(job: Job, trial: Trial, search: Search | None) -> list[InputProblem]:
    """Return the problem of a `lbfgs` job in successive halving: it has no epochs to compare."""
    if search is None or search.method != "successive_halving":
        return []
    optimizer = job.config["optimizer"]
    if optimizer == "auto" or optimizer["name"] != "lbfgs":
        return []
    return [
        InputProblem(
            trial.source.locate(("optimizer", "name")),
            "lbfgs has no epochs, but successive halving compares runs after epochs; choose "
            "another optimizer.",
            ("sgd", "rmsprop", "adamw"),
        )
    ]
