"""Read files of results, which have a line of JSON per image, and convert them to CSV."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from app.batches.schemas import FailedImage, PredictedImage, ResultLine

CSV_COLUMNS = (
    *("path", "image_id", "label", "predicted", "probability"),
    *("prediction_set", "novelty_score", "is_novel", "error_code", "error_message"),
)

Line = PredictedImage | FailedImage

_line: TypeAdapter[Line] = TypeAdapter(ResultLine)


def write_csv(results: Path) -> Iterator[str]:
    """Yield a file of results as CSV with a header (RFC 4180), line by line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=CSV_COLUMNS)
    writer.writeheader()
    for line in read_lines(results):
        writer.writerow(_row(line))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def read_lines(results: Path) -> Iterator[Line]:
    """Yield the lines of a file of results."""
    with results.open(encoding="utf-8") as lines:
        for line in lines:
            yield _line.validate_json(line)


def _row(line: Line) -> dict[str, object]:
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
