"""Append numbered events to a job; the event stream reads them."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db.tables import Job, JobEvent


def append_event(session: Session, job: Job, event_type: str, **payload: Any) -> None:
    """Append an event with the job's next event number.

    The number comes from an update of the job's row, so numbers are visible in the order of
    commits, and a reader never misses an event that is committed late.
    """
    session.flush()
    number = session.scalar(
        update(Job)
        .where(Job.id == job.id)
        .values(event_number=Job.event_number + 1)
        .returning(Job.event_number)
    )
    session.add(JobEvent(job_id=job.id, event_number=number, type=event_type, payload=payload))
