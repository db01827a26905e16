"""Convert the epochs and events of a job from rows to responses."""

import csv
import io
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db.tables import Epoch, Job
from app.history.schemas import EpochRow, EventView, History
from app.jobs.repository import JobRepository


def view_history(session: Session, job: Job) -> History:
    """Return the finished epochs of a job, in order."""
    rows = JobRepository(session).list_epochs(job.id)
    return History(job_id=job.id, data=[_view_epoch(row, job.best_epoch) for row in rows])


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
