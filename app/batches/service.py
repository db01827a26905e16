"""Create, get, list, cancel and delete batch predictions.

queued ──claim──▶ running ──results stored──▶ succeeded
   ▲                 │  └──an error, or three lost attempts──▶ failed
   └──lease lost, ───┘
      crash, drain          queued | running ──cancel──▶ cancelled
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from app.access import audit
from app.batches.repository import BatchRepository
from app.batches.schemas import TERMINAL, BatchRequest, Status
from app.datasets.manifest import Split
from app.datasets.repository import DatasetRepository
from app.db.base import new_id, now
from app.db.tables import ModelVersion, PredictionBatch
from app.errors import (
    DatasetInvalid,
    IllegalTransition,
    InputProblem,
    NotCalibrated,
    NotFound,
    ResultsNotReady,
    ValidationFailed,
)
from app.models.service import resolve_chosen, resolve_reference
from app.predictions.schemas import PredictOptions
from app.tasks import service as work


def predict_dataset(session: Session, request: BatchRequest) -> PredictionBatch:
    """Create a batch of a dataset's images; a worker starts it once the dataset is ready.

    Raises NotFound, DatasetInvalid, ValidationFailed for a split that the dataset does not have,
    NotCalibrated for a coverage with a version without calibration, and what `resolve_reference`
    raises.
    """
    dataset = DatasetRepository(session).get(str(request.dataset_id), share_lock=True)
    if dataset.status == "invalid":
        raise DatasetInvalid(f"The dataset {dataset.id} is invalid: {dataset.error_message}")
    if dataset.status == "ready":
        require_split(dataset.splits, request.split)
    return _queue(
        session,
        batch_id=new_id("pred"),
        version=_resolve(session, request.model),
        dataset_id=dataset.id,
        split=request.split,
        options=request.options,
        labels=request.metadata,
    )


def predict_archive(  # noqa: PLR0913 - one keyword for each column
    session: Session,
    *,
    batch_id: str,
    upload_key: str,
    num_bytes: int,
    model: str | None,
    options: PredictOptions,
    labels: Mapping[str, str],
) -> PredictionBatch:
    """Create a batch of the images of a stored archive; num_bytes is its size."""
    return _queue(
        session,
        batch_id=batch_id,
        version=_resolve(session, model),
        upload_key=upload_key,
        num_bytes=num_bytes,
        options=options,
        labels=labels,
    )


def get_batch(session: Session, batch_id: str) -> PredictionBatch:
    """Return the batch; raises NotFound."""
    return BatchRepository(session).get(batch_id)


def list_batches(
    session: Session,
    *,
    limit: int,
    after: str | None,
    status: Status | None,
    dataset_id: str | None,
) -> tuple[Sequence[PredictionBatch], bool]:
    """Return a page of batches, newest first, and True if there are more."""
    rows = BatchRepository(session).list_page(
        limit=limit, after=after, status=status, dataset_id=dataset_id
    )
    return rows[:limit], len(rows) > limit


def get_results_key(session: Session, batch_id: str) -> str:
    """Return the storage key of the results; raises NotFound, ResultsNotReady.

    Raises NotFound also for results that were deleted because of their age.
    """
    batch = BatchRepository(session).get(batch_id)
    if batch.status == "succeeded" and batch.results_key is None:
        raise NotFound(
            f"The results of {batch_id} were deleted, because they were older than "
            "GRAFT_KEEP_BATCH_RESULTS_DAYS allows. Create the batch again to get new ones."
        )
    if batch.results_key is None:
        raise ResultsNotReady(
            f"The batch {batch_id} is {batch.status}; only a succeeded batch has results."
        )
    return batch.results_key


def cancel_batch(session: Session, batch_id: str) -> tuple[PredictionBatch, list[str]]:
    """Cancel a batch at once; a worker that runs it stops at its next heartbeat.

    Returns the batch and the storage keys that nothing refers to any more. Raises
    IllegalTransition if the batch has ended.
    """
    item = work.lock_unfinished(session, batch_id)
    batch = BatchRepository(session).get(batch_id, lock=True)
    if batch.status in TERMINAL:
        raise IllegalTransition(f"The batch {batch_id} is {batch.status} and cannot be cancelled.")
    if item is not None:
        work.request_cancel(session, item)
    return batch, end(batch, "cancelled")


def delete_batch(session: Session, batch_id: str) -> list[str]:
    """Delete a batch that has ended; returns the storage keys that nothing refers to any more."""
    batch = BatchRepository(session).get(batch_id, lock=True)
    if batch.status not in TERMINAL:
        raise IllegalTransition(
            f"The batch {batch_id} is {batch.status} and cannot be deleted; cancel it first."
        )
    session.delete(batch)
    model = f"{batch.model_name}:{batch.model_version}"
    audit.record(session, "batch.deleted", batch_id, details={"model": model})
    return [batch.results_key] if batch.results_key else []


def end(batch: PredictionBatch, status: Status) -> list[str]:
    """Set a final status; returns the storage keys of the archive and of partial results."""
    unneeded = [*([batch.upload_key] if batch.upload_key else []), *batch.part_keys]
    batch.status, batch.upload_key, batch.part_keys = status, None, []
    batch.finished_at = now()
    return unneeded


def require_split(splits: Mapping[str, object], split: Split | str | None) -> None:
    """Raise ValidationFailed for a split that the dataset does not have."""
    if split is not None and split not in splits:
        allowed = tuple(sorted(splits))
        problem = f"The dataset has no {split} split; it has {' and '.join(allowed)}."
        raise ValidationFailed(InputProblem(("body", "split"), problem, allowed))


def _resolve(session: Session, model: str | None) -> ModelVersion:
    return resolve_chosen(session) if model is None else resolve_reference(session, model)


def _queue(  # noqa: PLR0913 - one keyword for each column
    session: Session,
    *,
    batch_id: str,
    version: ModelVersion,
    options: PredictOptions,
    labels: Mapping[str, str],
    dataset_id: str | None = None,
    split: str | None = None,
    upload_key: str | None = None,
    num_bytes: int = 0,
) -> PredictionBatch:
    if options.coverage is not None and version.trust_key is None:
        raise NotCalibrated(
            f"{version.name}:{version.version} was registered without its calibration, so there is "
            f"no set of labels for `coverage` {options.coverage:g}. Leave `coverage` out, or train "
            "the model again: every training calibrates its model at the end."
        )
    batch = PredictionBatch(
        id=batch_id,
        status="queued",
        model_name=version.name,
        model_version=version.version,
        checkpoint_key=version.checkpoint_key,
        trust_key=version.trust_key,
        quantized_key=version.quantized_key,
        dataset_id=dataset_id,
        split=split,
        upload_key=upload_key,
        options=options.model_dump(mode="json"),
        progress={"stage": "queued", "done": 0, "total": 0},
        counts={"num_bytes": num_bytes},
        labels=dict(labels),
    )
    session.add(batch)
    session.flush()
    work.enqueue(
        session, queue="predict", kind="predict", subject_id=batch_id, waits_for=dataset_id
    )
    return batch
