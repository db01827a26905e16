"""Convert the epochs and events of a job from rows to responses."""

import csv
import io
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db.tables import Epoch, Job
from app.history.schemas import EpochRow, EventView, History
from app.history.thinning import thin
from app.jobs.repository import JobRepository


def view_history(session: Session, job: Job, *, num_points: int | None = None) -> History:
    """Return the finished epochs of a job, in order; at most num_points, if that is given.

    The first, the last and the best epoch stay, and those with a low or high validation loss.
    """
    jobs = JobRepository(session)
    if num_points is None:
        rows = jobs.list_epochs(job.id)
        num_epochs = len(rows)
    else:
        losses = jobs.list_val_losses(job.id)
        epochs = [epoch for epoch, _ in losses]
        best = epochs.index(job.best_epoch) if job.best_epoch in epochs else None
        chosen = thin([loss for _, loss in losses], num_points, keep=best)
        rows = jobs.list_epochs(job.id, only=[epochs[index] for index in chosen])
        num_epochs = len(epochs)
    data = [_view_epoch(row, job.best_epoch) for row in rows]
    return History(job_id=job.id, num_epochs=num_epochs, data=data)


def view_events(session: Session, job_id: str, *, after: int, limit: int) -> list[EventView]:
    """Return a job's events after an event number, in order."""
    events = JobRepository(session).list_events(job_id, after=after, limit=limit)
    return [EventView.model_validate(event) for event in events]


def write_csv(rows: Sequence[EpochRow]) -> str:
    """Write a history as CSV with a header line (RFC 4180)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(EpochRow.model_fields))
    writer.writeheader()
    writer.writerows(row.model_dump() for row in rows)
    return text.getvalue()


def _view_epoch(row: Epoch, best_epoch: int | None) -> EpochRow:
    columns = {name: getattr(row, name) for name in EpochRow.model_fields if name != "is_best"}
    return EpochRow(**columns, is_best=row.epoch == best_epoch)
