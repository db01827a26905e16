"""Stop runs early that are worse than others at a rung: successive halving and Hyperband."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db.study_tables import Study
from app.db.tables import Epoch, Job
from app.errors import InputProblem, ValidationFailed
from app.jobs.events import append_event
from app.jobs.repository import JobRepository
from app.jobs.service import cancel_job
from app.studies.repository import StudyRepository
from app.studies.request_schemas import Method, Search
from app.studies.search import list_rungs, should_prune

PRUNING: frozenset[Method] = frozenset({"successive_halving", "hyperband"})


def prune_if_behind(session: Session, job_id: str, rows: Sequence[Epoch]) -> None:
    """Cancel a run of successive halving if it is worse than others at a rung among these epochs.

    With Hyperband only runs of the same bracket are compared. rows are the epochs that were just
    recorded; the caller's transaction holds the run's lease. The run ends as `cancelled` and
    registers no model; its history stays.
    """
    job = JobRepository(session).get(job_id)
    if job.study_id is None or job.trial is None or job.status != "running":
        return
    studies = StudyRepository(session)
    search = _find_pruning_search(studies.get(job.study_id))
    if search is None:
        return
    bracket = studies.get_trial(job.study_id, job.trial).bracket
    rungs = list_rungs(
        min_epochs=search.min_epochs * search.reduction_factor ** (bracket or 0),
        reduction_factor=search.reduction_factor,
        epochs=job.progress["epochs"] or 0,
    )
    epochs = {row.epoch: row for row in rows if row.learning_rate is not None}
    for row in [epochs[rung] for rung in rungs if rung in epochs]:
        others = studies.list_other_accuracies(job.study_id, job_id, row.epoch, bracket=bracket)
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


def require_prunable(job: Job, search: Search | None) -> None:
    """Raise ValidationFailed for `lbfgs` if the search compares epochs: it has none."""
    if search is None or search.method not in PRUNING:
        return
    optimizer = job.config["optimizer"]
    if optimizer == "auto" or optimizer["name"] != "lbfgs":
        return
    raise ValidationFailed(
        InputProblem(
            ("body", "optimizer", "name"),
            f"lbfgs has no epochs, but {search.method.replace('_', ' ')} compares runs after "
            "epochs; choose another optimizer.",
            ("sgd", "rmsprop", "adamw"),
        )
    )


def _find_pruning_search(study: Study) -> Search | None:
    if study.config["search"] is None:
        return None
    search = Search.model_validate(study.config["search"])
    return search if search.method in PRUNING else None
