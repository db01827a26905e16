"""The manifest of a dataset: a JSON Lines file with one record for each image.

The ingestion process writes it and the training process reads it, so this module imports only
pydantic.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

Split = Literal["train", "val", "test"]


class ImageRecord(BaseModel):
    """One accepted image.

    image_id counts from 1 within the dataset, in the order of (split, class, path). key is the
    storage key of the original bytes. width and height are in pixels, after EXIF rotation.
    """

    model_config = ConfigDict(frozen=True)

    image_id: int
    split: Split
    class_name: str
    path: str
    key: str
    sha256: str
    num_bytes: int
    width: int
    height: int


def read_manifest(path: Path) -> Iterator[ImageRecord]:
    """Yield the records of a manifest file in order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield ImageRecord.model_validate_json(line)
