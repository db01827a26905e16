"""Read an upload once from end to end and look at everything in it, storing nothing."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from app.datasets.layout import is_image_path
from app.errors import ImageCorrupt, ImageTooLarge, UnsupportedImage
from app.ml.images.image_file import decode_image
from worker.ingestion.near_duplicates import hash_picture
from worker.pool import map_in_threads

_DECODING_THREADS = 2

OnProgress = Callable[[str, int, int], None]
"""Told (stage, done, total): bytes of the upload that have been read, and its size."""


@dataclass(frozen=True)
class ReadableImage:
    """An image that decodes; pixels after EXIF rotation. likeness is its perceptual hash."""

    sha256: str
    num_bytes: int
    width: int
    height: int
    likeness: int | None


@dataclass(frozen=True)
class UnreadableImage:
    """A file with an image's name that is none; reason is for its owner."""

    reason: str


@dataclass(frozen=True)
class Survey:
    """What is in an archive: every path, and what became of each image."""

    files: list[str]
    folders: list[str]
    images: dict[str, ReadableImage | UnreadableImage]


def survey_archive(
    path: Path,
    limits: ArchiveLimits,
    *,
    max_image_bytes: int,
    max_image_pixels: int,
    on_progress: OnProgress,
) -> Survey:
    """List an archive and decode each of its images.

    Raises ArchiveError for what must not be unpacked.
    """
    survey = Survey([], [], {})
    total = path.stat().st_size

    def list_images() -> Iterator[tuple[str, bytes | None]]:
        for entry in read_archive(path, limits):
            on_progress("checking", entry.position, total)
            (survey.folders if entry.is_folder else survey.files).append(entry.path)
            if not entry.is_folder and is_image_path(entry.path):
                yield entry.path, _read_content(entry.content, max_bytes=max_image_bytes)

    def examine(image: tuple[str, bytes | None]) -> tuple[str, ReadableImage | UnreadableImage]:
        image_path, encoded = image
        if encoded is None:
            return image_path, UnreadableImage(f"larger than the {max_image_bytes} bytes allowed")
        return image_path, _examine(encoded, max_image_pixels)

    survey.images.update(map_in_threads(examine, list_images(), num_threads=_DECODING_THREADS))
    on_progress("checking", total, total)
    return survey


def _read_content(content: Iterable[bytes], *, max_bytes: int) -> bytes | None:
    whole = bytearray()
    for piece in content:
        whole += piece
        if len(whole) > max_bytes:
            return None
    return bytes(whole)


def _examine(encoded: bytes, max_pixels: int) -> ReadableImage | UnreadableImage:
    try:
        image = decode_image(encoded, max_pixels=max_pixels)
    except (UnsupportedImage, ImageCorrupt, ImageTooLarge) as error:
        return UnreadableImage(error.message)
    sha256 = hashlib.sha256(encoded).hexdigest()
    return ReadableImage(sha256, len(encoded), image.width, image.height, hash_picture(image))
