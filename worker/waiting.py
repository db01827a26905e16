"""What becomes of work that waits for a dataset or an answer which never comes."""

from sqlalchemy.orm import Session

from app.inquiries import service as inquiries
from app.jobs import lifecycle
from app.work import service as work


def fail_waiting(session: Session, subject_id: str, code: str, message: str) -> None:
    """Fail the jobs and inquiries that wait for a subject, and what waits for those in turn."""
    for item in work.withdraw_waiting(session, subject_id):
        if item.kind == "train":
            lifecycle.fail_job(session, item.subject_id, code, message)
        else:
            inquiries.fail(session, item.subject_id, code, message)
            fail_waiting(session, item.subject_id, code, message)
