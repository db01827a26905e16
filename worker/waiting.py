"""What becomes of work that waits for a dataset or an answer which never comes."""

from sqlalchemy.orm import Session

from app.analyses import service as inquiries
from app.batches.lifecycle import fail_batch
from app.jobs import lifecycle
from app.tasks import service as work


def fail_waiting(session: Session, subject_id: str, code: str, message: str) -> None:
    """Fail what waits for a subject: jobs, batches, inquiries and what waits for those in turn."""
    for item in work.withdraw_waiting(session, subject_id):
        if item.kind == "train":
            lifecycle.fail_job(session, item.subject_id, code, message)
        elif item.kind == "predict":
            fail_batch(session, item.subject_id, code, message)
        else:
            inquiries.fail(session, item.subject_id, code, message)
            fail_waiting(session, item.subject_id, code, message)
