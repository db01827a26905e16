"""The best model of a job so far."""

from sqlalchemy.orm import Session

from app.db.tables import Job
from app.jobs.repository import JobRepository
from app.jobs.schemas import Best, ResolvedHeadStart


def find_head_start(job: Job) -> Best | None:
    """Return the validation of the solved head that the training began with, as epoch 0.

    None where the training began with a random head, or has not begun.
    """
    stored = (job.resolved or {}).get("head_start")
    if stored is None:
        return None
    start = ResolvedHeadStart.model_validate(stored)
    if start.val_accuracy is None or start.val_loss is None:
        return None  # found by a version that did not validate it
    return Best(
        epoch=0,
        val_accuracy=start.val_accuracy,
        val_balanced_accuracy=start.val_balanced_accuracy,
        val_loss=start.val_loss,
    )


def find_best(session: Session, job: Job) -> Best | None:
    """Return the best epoch so far, which is epoch 0 where no epoch beats the solved head."""
    if job.best_epoch == 0:
        return find_head_start(job)
    row = JobRepository(session).find_epoch(job.id, job.best_epoch)
    if row is None:
        return None
    return Best(
        epoch=row.epoch,
        val_accuracy=row.val_accuracy,
        val_balanced_accuracy=row.val_balanced_accuracy,
        val_loss=row.val_loss,
    )
