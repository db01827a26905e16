"""Batch predictions as their readers see them."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from app.db.tables import PredictionBatch
from app.predictions.batches.schemas import (
    TERMINAL,
    BatchCounts,
    BatchDetail,
    BatchError,
    FailedImage,
    PredictedImage,
    ResultLine,
)
from app.registry.schemas import VersionName

CSV_COLUMNS = (
    *("path", "image_id", "label", "predicted", "probability"),
    *("prediction_set", "novelty_score", "is_novel", "error_code", "error_message"),
)

_line: TypeAdapter[PredictedImage | FailedImage] = TypeAdapter(ResultLine)


def view_batch(batch: PredictionBatch) -> BatchDetail:
    """The whole batch, its results apart."""
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
            if counts
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


def write_csv(results: Path) -> Iterator[str]:
    """A file of results as comma-separated values with a header line (RFC 4180), line by line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=CSV_COLUMNS)
    writer.writeheader()
    with results.open(encoding="utf-8") as lines:
        for line in lines:
            writer.writerow(_row(_line.validate_json(line)))
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _row(line: PredictedImage | FailedImage) -> dict[str, object]:
    row: dict[str, object] = {"path": line.path, "image_id": line.image_id, "label": line.label}
    if isinstance(line, FailedImage):
        return row | {"error_code": line.error.code, "error_message": line.error.message}
    best, labels, novelty = line.predictions[0], line.prediction_set, line.novelty
    return row | {
        "predicted": best.label,
        "probability": best.probability,
        "prediction_set": json.dumps(labels.labels, ensure_ascii=False) if labels else None,
        "novelty_score": novelty.score if novelty else None,
        "is_novel": novelty.is_novel if novelty else None,
    }
