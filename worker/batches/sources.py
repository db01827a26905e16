"""Read the encoded images of a batch from a dataset or an uploaded archive."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from app.datasets.layout import is_image_path
from app.datasets.manifest import read_manifest
from app.errors import ArchiveInvalid
from app.ml.images.formats import IMAGE_SUFFIXES
from app.storage import Storage
from worker.batches.config import ArchiveSource, DatasetSource

OnProgress = Callable[[str, int, int], None]
"""Called with (stage, done, total), in images, or in bytes of the archive while `checking`."""


@dataclass(frozen=True)
class SourceImage:
    """An encoded image and its metadata; content is None where the file is too large."""

    path: str
    content: bytes | None
    image_id: int | None = None
    label: str | None = None


def open_source(
    source: DatasetSource | ArchiveSource,
    storage: Storage,
    *,
    max_image_bytes: int,
    on_progress: OnProgress,
    num_skipped: int = 0,
) -> tuple[int, Iterator[SourceImage]]:
    """Return the number of images, and the images after the first num_skipped.

    An archive is first read completely, so that an unsafe or damaged one fails before anything is
    predicted. Raises ArchiveError, and ArchiveInvalid for an archive without images.
    """
    if isinstance(source, DatasetSource):
        return _open_dataset(source, storage, num_skipped)
    return _open_archive(source, storage, max_image_bytes, on_progress, num_skipped)


def _open_dataset(
    source: DatasetSource, storage: Storage, num_skipped: int
) -> tuple[int, Iterator[SourceImage]]:
    records = [
        record
        for record in read_manifest(storage.path(source.manifest_key))
        if source.split in {None, record.split}
    ]
    images = (
        SourceImage(
            record.path, storage.path(record.key).read_bytes(), record.image_id, record.class_name
        )
        for record in records[num_skipped:]
    )
    return len(records), images


def _open_archive(
    source: ArchiveSource,
    storage: Storage,
    max_image_bytes: int,
    on_progress: OnProgress,
    num_skipped: int,
) -> tuple[int, Iterator[SourceImage]]:
    path = storage.path(source.upload_key)
    limits = ArchiveLimits(source.max_archive_files, source.max_unpacked_bytes)
    num_bytes, num_images = path.stat().st_size, 0
    for entry in read_archive(path, limits):
        num_images += not entry.is_folder and is_image_path(entry.path)
        on_progress("checking", entry.position, num_bytes)
    if not num_images:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise ArchiveInvalid(
            f"The archive contains no image file; the allowed suffixes are {suffixes}."
        )

    entries = (
        entry
        for entry in read_archive(path, limits)
        if not entry.is_folder and is_image_path(entry.path)
    )
    images = (
        SourceImage(entry.path, entry.read(max_bytes=max_image_bytes))
        for entry in islice(entries, num_skipped, None)
    )
    return num_images, images
