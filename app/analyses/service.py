"""Analyses that a worker's child computes once per question: advice, dry runs, exports and more.

A request is `waiting` until a worker has `answered` or `failed` it. It is the subject of its work
item, so other work can wait for it.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.analyses.repository import AnalysisRepository
from app.db.base import new_id, now
from app.db.tables import AnalysisRequest
from app.errors import recall_error
from app.tasks import service as work
from app.tasks.service import Queue

Kind = Literal["advise", "dry_run", "evaluate", "export", "quantize"]

FAILURE_RETRY_DELAY = timedelta(minutes=1)
"""A failed analysis is repeated for a new request only after this time."""


def request_analysis(  # noqa: PLR0913 - the request and its place in the queue, by keyword
    session: Session,
    *,
    kind: Kind,
    subject_id: str,
    parameters: Mapping[str, Any],
    queue: Queue = "cpu",
    waits_for: str | None = None,
    retry_failed: bool = False,
) -> AnalysisRequest:
    """Return the request with these parameters, and enqueue it if it is new.

    A failed request is enqueued again: at once with retry_failed, else after FAILURE_RETRY_DELAY.
    waits_for is the subject whose work must be finished first.
    """
    fingerprint = fingerprint_of(kind, subject_id, parameters)
    repository = AnalysisRepository(session)
    analysis = repository.find_for_update(fingerprint)
    if analysis is None:
        analysis = AnalysisRequest(
            id=new_id("inq"),
            kind=kind,
            subject_id=subject_id,
            fingerprint=fingerprint,
            parameters=dict(parameters),
            status="waiting",
        )
        try:
            with session.begin_nested():
                session.add(analysis)
        except IntegrityError:  # another transaction has just inserted the same request
            existing = repository.find_for_update(fingerprint)
            if existing is None:
                raise
            return existing
    elif analysis.status == "failed" and (retry_failed or not _failed_recently(analysis)):
        analysis.status = "waiting"
        analysis.error_code = analysis.error_message = analysis.finished_at = None
    else:
        return analysis
    work.enqueue(session, queue=queue, kind=kind, subject_id=analysis.id, waits_for=waits_for)
    return analysis


def _failed_recently(analysis: AnalysisRequest) -> bool:
    """Return whether a failure is so recent that a retry would most likely fail again."""
    return analysis.finished_at is not None and now() - analysis.finished_at < FAILURE_RETRY_DELAY


def find_request(
    session: Session, *, kind: Kind, subject_id: str, parameters: Mapping[str, Any]
) -> AnalysisRequest | None:
    """Return the request with these parameters; None if there was none."""
    return AnalysisRepository(session).find(fingerprint_of(kind, subject_id, parameters))


def get_request(session: Session, analysis_id: str) -> AnalysisRequest:
    """Return a request; raises NotFound."""
    return AnalysisRepository(session).get(analysis_id)


def require_result(analysis: AnalysisRequest) -> dict[str, Any] | None:
    """Return the result, None while it is computed; raises the error of a failed analysis."""
    if analysis.status == "failed":
        raise recall_error(str(analysis.error_code), str(analysis.error_message))
    return analysis.result


def complete(
    session: Session, analysis_id: str, result: dict[str, Any], *, file_key: str | None = None
) -> None:
    """Store the result and its file's key; notify the workers whose items waited for it."""
    analysis = _finish(session, analysis_id, "answered")
    analysis.result, analysis.file_key = result, file_key
    work.notify_waiting(session, analysis_id)


def fail(session: Session, analysis_id: str, code: str, message: str) -> None:
    """Record that the analysis has failed."""
    analysis = _finish(session, analysis_id, "failed")
    analysis.error_code, analysis.error_message = code, message


def delete_requests(session: Session, subject_id: str) -> None:
    """Delete the requests about a subject, and their unfinished work items."""
    for analysis in AnalysisRepository(session).list_by_subject(subject_id):
        item = work.lock_unfinished(session, analysis.id)
        if item is not None:
            work.remove(session, item)
        session.delete(analysis)


def fingerprint_of(kind: Kind, subject_id: str, parameters: Mapping[str, Any]) -> str:
    """Return the sha256 of a request, independent of the order of its parameters."""
    text = json.dumps([kind, subject_id, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _finish(session: Session, analysis_id: str, status: str) -> AnalysisRequest:
    analysis = AnalysisRepository(session).get(analysis_id)
    analysis.status = status
    analysis.finished_at = now()
    return analysis
