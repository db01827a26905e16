"""Read an uploaded archive once, and decode every image in it without storing anything."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from app.datasets.layout import is_image_path
from app.errors import DeadlineExceeded, ImageCorrupt, ImageTooLarge, UnsupportedImage
from app.ml.images.pil_decoding import decoded_image
from worker.ingestion.near_duplicates import compute_perceptual_hash
from worker.pool import map_in_threads

_DECODING_THREADS = 2
_DECODING_SECONDS = 60.0
"""An image that takes longer counts as unreadable."""

OnProgress = Callable[[str, int, int], None]
"""Called with (stage, done, total), in bytes of the upload."""


@dataclass(frozen=True)
class ReadableImage:
    """An image that decodes; width and height are those after EXIF rotation."""

    sha256: str
    num_bytes: int
    width: int
    height: int
    perceptual_hash: int | None


@dataclass(frozen=True)
class UnreadableImage:
    """A file with an image's name that does not decode; the report of the dataset gives reason."""

    reason: str


@dataclass(frozen=True)
class Inspection:
    """The contents of an archive: all paths, and the result of decoding each image."""

    files: list[str]
    folders: list[str]
    images: dict[str, ReadableImage | UnreadableImage]


def inspect_archive(
    path: Path,
    limits: ArchiveLimits,
    *,
    max_image_bytes: int,
    max_image_pixels: int,
    on_progress: OnProgress,
) -> Inspection:
    """List an archive and decode each of its images.

    Raises ArchiveError for an unsafe or damaged archive.
    """
    inspection = Inspection([], [], {})
    total = path.stat().st_size

    def list_images() -> Iterator[tuple[str, bytes | None]]:
        for entry in read_archive(path, limits):
            on_progress("checking", entry.position, total)
            (inspection.folders if entry.is_folder else inspection.files).append(entry.path)
            if not entry.is_folder and is_image_path(entry.path):
                yield entry.path, entry.read(max_bytes=max_image_bytes)

    def examine(image: tuple[str, bytes | None]) -> tuple[str, ReadableImage | UnreadableImage]:
        image_path, encoded = image
        if encoded is None:
            return image_path, UnreadableImage(f"larger than the {max_image_bytes} bytes allowed")
        return image_path, _examine(encoded, max_image_pixels)

    inspection.images.update(map_in_threads(examine, list_images(), num_threads=_DECODING_THREADS))
    on_progress("checking", total, total)
    return inspection


def _examine(encoded: bytes, max_pixels: int) -> ReadableImage | UnreadableImage:
    sha256 = hashlib.sha256(encoded).hexdigest()
    deadline = time.monotonic() + _DECODING_SECONDS
    try:
        with decoded_image(encoded, max_pixels=max_pixels, deadline=deadline) as image:
            width, height = image.size
            return ReadableImage(
                sha256, len(encoded), width, height, compute_perceptual_hash(image)
            )
    except (UnsupportedImage, ImageCorrupt, ImageTooLarge) as error:
        return UnreadableImage(error.message)
    except DeadlineExceeded:
        return UnreadableImage(f"not decoded within {_DECODING_SECONDS:g} seconds")
