"""Predictions as rows, and their form as JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from graft_client.schemas.base import ErrorReason
    from graft_client.schemas.models import VersionName
    from graft_client.schemas.predictions import (
        BatchLine,
        FailedPrediction,
        ImagePredictions,
        LabelSet,
        Novelty,
        Prediction,
    )

CSV_COLUMNS = (
    *("path", "image_id", "label", "predicted", "probability"),
    *("prediction_set", "novelty_score", "is_novel", "error_code", "error_message"),
)
"""Those of the service's `GET /predictions/{id}/results?format=csv`."""

Form = Literal["json", "jsonl", "csv"]


@dataclass(frozen=True)
class Row:
    """The predictions for one image, most probable class first, or the error.

    label and image_id are those of the dataset, None for other images.
    """

    path: str
    model: "VersionName"
    predictions: "list[Prediction]"
    prediction_set: "LabelSet | None" = None
    novelty: "Novelty | None" = None
    error: "ErrorReason | None" = None
    label: str | None = None
    image_id: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them; those that were not requested are left out."""
        given: dict[str, Any] = {"path": self.path, "model": self.model.model_dump(mode="json")}
        if self.image_id is not None:
            given |= {"image_id": self.image_id, "label": self.label}
        if self.error is not None:
            return given | {"error": self.error.model_dump(mode="json")}
        predictions = [one.model_dump(mode="json", exclude_none=True) for one in self.predictions]
        optional = {"prediction_set": self.prediction_set, "novelty": self.novelty}
        return (
            given
            | {"predictions": predictions}
            | {name: one.model_dump(mode="json") for name, one in optional.items() if one}
        )

    def to_cells(self) -> dict[str, object]:
        """Return the fields as CSV has them."""
        cells: dict[str, object] = {
            "path": self.path,
            "image_id": self.image_id,
            "label": self.label,
        }
        if self.error is not None:
            return cells | {"error_code": self.error.code, "error_message": self.error.message}
        labels, novelty = self.prediction_set, self.novelty
        return cells | {
            "predicted": self.predictions[0].label,
            "probability": self.predictions[0].probability,
            "prediction_set": json.dumps(labels.labels, ensure_ascii=False) if labels else None,
            "novelty_score": novelty.score if novelty else None,
            "is_novel": novelty.is_novel if novelty else None,
        }


def row_of_file(path: Path, result: "ImagePredictions | FailedPrediction") -> Row:
    """Return the row of a file that was sent."""
    from graft_client.schemas.predictions import FailedPrediction  # noqa: PLC0415 - help does without

    if isinstance(result, FailedPrediction):
        return Row(str(path), result.model, [], error=result.error)
    return Row(str(path), result.model, result.predictions, result.prediction_set, result.novelty)


def row_of_line(path: str, line: "BatchLine", model: "VersionName") -> Row:
    """Return the row of a batch's result."""
    return Row(
        path,
        model,
        line.predictions,
        line.prediction_set,
        line.novelty,
        line.error,
        line.label,
        line.image_id,
    )


def write_rows(rows: Iterable[Row], form: Form) -> Iterator[str]:
    """Yield rows as a JSON array, as JSON lines, or as CSV with a header (RFC 4180)."""
    if form == "csv":
        yield from _write_csv(rows)
        return
    texts = (json.dumps(row.to_dict(), ensure_ascii=False) for row in rows)
    if form == "jsonl":
        yield from (f"{text}\n" for text in texts)
        return
    before = "["
    for text in texts:
        yield f"{before}{text}"
        before = ",\n"
    yield "]\n" if before != "[" else "[]\n"


def _write_csv(rows: Iterable[Row]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row.to_cells())
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()
