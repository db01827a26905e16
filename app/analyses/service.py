"""Questions about a dataset that take a worker's child to answer, each asked once.

An inquiry is `waiting` until a worker has either `answered` it or `failed`; it is its work item's
subject, so that other work can wait for the answer.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.analyses.repository import InquiryRepository
from app.db.base import new_id, now
from app.db.tables import Inquiry
from app.errors import recall_error
from app.tasks import service as work
from app.tasks.service import Queue

Kind = Literal["advise", "dry_run", "evaluate", "export", "quantize"]

FAILURE_STANDS = timedelta(minutes=1)
"""How long those who ask again are told of a failure, before it is tried again."""


def ask(  # noqa: PLR0913 - the question and how it gets its answer, by keyword
    session: Session,
    *,
    kind: Kind,
    subject_id: str,
    parameters: Mapping[str, Any],
    queue: Queue = "cpu",
    waits_for: str | None = None,
    even_failed: bool = False,
) -> Inquiry:
    """The inquiry about a dataset with these parameters, put to the workers if it is new.

    A failed one is put to them again: at once with even_failed, else when it has stood for a while.
    waits_for is the subject whose work must be done before.
    """
    fingerprint = fingerprint_of(kind, subject_id, parameters)
    inquiries = InquiryRepository(session)
    inquiry = inquiries.find(fingerprint)
    if inquiry is None:
        inquiry = Inquiry(
            id=new_id("inq"),
            kind=kind,
            subject_id=subject_id,
            fingerprint=fingerprint,
            parameters=dict(parameters),
            status="waiting",
        )
        try:
            with session.begin_nested():
                session.add(inquiry)
        except IntegrityError:  # the same was asked at the same moment
            asked = inquiries.find(fingerprint)
            if asked is None:
                raise
            return asked
    elif inquiry.status == "failed" and (even_failed or not stands(inquiry)):
        inquiry.status = "waiting"
        inquiry.error_code = inquiry.error_message = inquiry.finished_at = None
    else:
        return inquiry
    work.enqueue(session, queue=queue, kind=kind, subject_id=inquiry.id, waits_for=waits_for)
    return inquiry


def stands(inquiry: Inquiry) -> bool:
    """Whether a failure is so recent that trying again would most likely bring it again."""
    return inquiry.finished_at is not None and now() - inquiry.finished_at < FAILURE_STANDS


def find_inquiry(
    session: Session, *, kind: Kind, subject_id: str, parameters: Mapping[str, Any]
) -> Inquiry | None:
    """The inquiry with these parameters, if it was ever asked."""
    return InquiryRepository(session).look_at(fingerprint_of(kind, subject_id, parameters))


def get_inquiry(session: Session, inquiry_id: str) -> Inquiry:
    """The inquiry; raises NotFound."""
    return InquiryRepository(session).get(inquiry_id)


def require_answer(inquiry: Inquiry) -> dict[str, Any] | None:
    """What was answered, None while it is waited for; raises what the inquiry failed with."""
    if inquiry.status == "failed":
        raise recall_error(str(inquiry.error_code), str(inquiry.error_message))
    return inquiry.result


def answer(
    session: Session, inquiry_id: str, result: dict[str, Any], *, file_key: str | None = None
) -> None:
    """A worker has found the answer, and maybe a file: ring those whose work has waited for it."""
    inquiry = _finish(session, inquiry_id, "answered")
    inquiry.result, inquiry.file_key = result, file_key
    work.notify_waiting(session, inquiry_id)


def fail(session: Session, inquiry_id: str, code: str, message: str) -> None:
    """The question cannot be answered."""
    inquiry = _finish(session, inquiry_id, "failed")
    inquiry.error_code, inquiry.error_message = code, message


def delete_inquiries(session: Session, subject_id: str) -> None:
    """Forget what was asked about a dataset, and take back the work that is still to be done."""
    for inquiry in InquiryRepository(session).list_about(subject_id):
        item = work.lock_unfinished(session, inquiry.id)
        if item is not None:
            work.withdraw(session, item)
        session.delete(inquiry)


def fingerprint_of(kind: Kind, subject_id: str, parameters: Mapping[str, Any]) -> str:
    """The sha256 over a question, the same however its parameters are ordered."""
    question = json.dumps([kind, subject_id, parameters], sort_keys=True)
    return hashlib.sha256(question.encode()).hexdigest()


def _finish(session: Session, inquiry_id: str, status: str) -> Inquiry:
    inquiry = InquiryRepository(session).get(inquiry_id)
    inquiry.status = status
    inquiry.finished_at = now()
    return inquiry
