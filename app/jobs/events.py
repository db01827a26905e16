"""What happens to a job, numbered: the source of the event stream."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db.tables import Job, JobEvent


def append_event(session: Session, job: Job, event_type: str, **payload: Any) -> None:
    """Write the job's next event.

    The number is taken by updating the job's row, so numbers appear in the order of commits and a
    reader who has seen one will never find an earlier one afterwards.
    """
    session.flush()
    number = session.scalar(
        update(Job)
        .where(Job.id == job.id)
        .values(event_number=Job.event_number + 1)
        .returning(Job.event_number)
    )
    session.add(JobEvent(job_id=job.id, event_number=number, type=event_type, payload=payload))
