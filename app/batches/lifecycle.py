"""Record a worker's progress and results of a batch.

Every function runs in a transaction that holds the batch's lease. It changes nothing if the batch
was cancelled or deleted in the meantime. The functions that return storage keys return those that
nothing refers to any more.
"""

from typing import Any

from sqlalchemy.orm import Session

from app.batches.repository import BatchRepository
from app.batches.schemas import TERMINAL
from app.batches.service import end
from app.db.tables import PredictionBatch


def begin_attempt(session: Session, batch_id: str) -> PredictionBatch | None:
    """Mark a claimed batch as running; returns None if it has ended."""
    batch = _find_unfinished(session, batch_id)
    if batch is not None:
        batch.status = "running"
        batch.progress = {"stage": "starting", "done": 0, "total": 0}
    return batch


def record_progress(session: Session, batch_id: str, stage: str, done: int, total: int) -> None:
    """Store the progress."""
    batch = _find_unfinished(session, batch_id)
    if batch is not None:
        batch.progress = {"stage": stage, "done": done, "total": total}


def record_part(session: Session, batch_id: str, part_key: str, *, num_bytes: int) -> list[str]:
    """Add a stored part of the results and its size; returns unneeded keys."""
    batch = _find_unfinished(session, batch_id)
    if batch is None:
        return [part_key]
    batch.part_keys = [*batch.part_keys, part_key]
    batch.counts = {"num_bytes": batch.counts.get("num_bytes", 0) + num_bytes}
    return []


def complete_batch(
    session: Session, batch_id: str, *, results_key: str, num_bytes: int, counts: dict[str, Any]
) -> list[str]:
    """Mark the batch as succeeded, with its results and their size; returns unneeded keys."""
    batch = _find_unfinished(session, batch_id)
    if batch is None:
        return [results_key]
    batch.results_key, batch.counts = results_key, counts | {"num_bytes": num_bytes}
    batch.progress = {"stage": "done", "done": counts["images"], "total": counts["images"]}
    return end(batch, "succeeded")


def fail_batch(session: Session, batch_id: str, code: str, message: str) -> list[str]:
    """Mark the batch as failed, with its error; returns unneeded keys."""
    batch = _find_unfinished(session, batch_id)
    if batch is None:
        return []
    batch.error_code, batch.error_message = code, message
    return end(batch, "failed")


def requeue_batch(session: Session, batch_id: str, *, stage: str) -> bool:
    """Queue the batch again with a stage that says why; returns False if it has ended."""
    batch = _find_unfinished(session, batch_id)
    if batch is None:
        return False
    batch.status = "queued"
    batch.progress = {"stage": stage, "done": 0, "total": 0}
    return True


def _find_unfinished(session: Session, batch_id: str) -> PredictionBatch | None:
    batch = BatchRepository(session).find(batch_id, lock=True)
    return None if batch is None or batch.status in TERMINAL else batch
