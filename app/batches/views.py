"""Convert batch predictions into HTTP schemas."""

from app.batches.schemas import TERMINAL, BatchCounts, BatchDetail, BatchError
from app.db.tables import PredictionBatch
from app.models.schemas import VersionName


def view_batch(batch: PredictionBatch) -> BatchDetail:
    """Return a batch as it is sent, without its results."""
    counts = batch.counts
    num_labelled, num_right = counts.get("labelled"), counts.get("right")
    return BatchDetail.model_validate(
        {
            "id": batch.id,
            "status": batch.status,
            "is_terminal": batch.status in TERMINAL,
            "model": VersionName(name=batch.model_name, version=batch.model_version),
            "dataset_id": batch.dataset_id,
            "split": batch.split,
            "options": batch.options,
            "progress": batch.progress,
            "counts": BatchCounts(
                images=counts["images"], failed=counts["failed"], per_label=counts["per_label"]
            )
            if "images" in counts
            else None,
            "accuracy": num_right / num_labelled if num_labelled else None,
            "error": BatchError(code=batch.error_code, message=batch.error_message or "")
            if batch.error_code
            else None,
            "metadata": batch.labels,
            "created_at": batch.created_at,
            "finished_at": batch.finished_at,
        }
    )
