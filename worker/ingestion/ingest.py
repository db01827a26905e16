"""Store the images of an uploaded archive, and write the dataset's manifest.

The archive is read twice: first to check it (`worker.ingestion.inspection`), then to store its
images. A rejected upload therefore stores nothing. An interrupted ingestion starts again and keeps
the images that are stored already.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from app.datasets.layout import Layout, SkippedFile, parse_layout
from app.datasets.layout_errors import ClassCounts, describe_counts, require_classes
from app.datasets.manifest import ImageRecord
from app.datasets.report import build_report, compute_digest, count_splits, find_leaks
from app.datasets.splitting import split_train_val
from app.errors import DatasetBadImages, DatasetLayout, StorageFull
from app.space import format_bytes
from app.storage import Storage
from worker.ingestion.config import IngestionConfig
from worker.ingestion.inspection import (
    Inspection,
    OnProgress,
    ReadableImage,
    UnreadableImage,
    inspect_archive,
)
from worker.ingestion.near_duplicates import find_near_leaks
from worker.pool import map_in_threads
from worker.protocol import Ingested

_WRITING_THREADS = 8
"""The number of files written at a time; a write mostly waits for the disk."""


def ingest(config: IngestionConfig, storage: Storage, on_progress: OnProgress) -> Ingested:
    """Check an upload and store its images under their sha256.

    Raises ArchiveError, DatasetLayout or DatasetBadImages for an upload that cannot become a
    dataset, StorageFull where its images do not fit.
    """
    upload = storage.path(config.upload_key)
    limits = ArchiveLimits(config.max_archive_files, config.max_unpacked_bytes)
    inspection = inspect_archive(
        upload,
        limits,
        max_image_bytes=config.max_image_bytes,
        max_image_pixels=config.max_image_pixels,
        on_progress=on_progress,
    )
    layout = parse_layout(inspection.files, inspection.folders)
    rejected = _list_rejected(layout, inspection, max_fraction=config.max_bad_image_fraction)
    records = _list_records(layout, inspection, config)
    _require_space(records, storage, config.storage_floor_bytes)
    _store_images(upload, limits, records, storage, on_progress)
    manifest_key = f"{config.key_prefix}/manifest.jsonl"
    with storage.new_file(manifest_key) as file:
        file.writelines(record.model_dump_json().encode() + b"\n" for record in records)
    return Ingested(
        manifest_key=manifest_key,
        digest=compute_digest(records),
        class_names=layout.class_names,
        splits=count_splits(records, layout.class_names),
        report=_report(records, inspection, layout.ignored, rejected),
    )


def image_key(folder: str, sha256: str) -> str:
    """Return the storage key of an image file, which does not depend on its dataset."""
    return f"{folder}/{sha256[:2]}/{sha256}"


def _list_rejected(
    layout: Layout, inspection: Inspection, *, max_fraction: float
) -> list[SkippedFile]:
    """List the images that do not decode; raise if they are too many or all of a class."""
    rejected: list[SkippedFile] = []
    counts: ClassCounts = {}
    for file in layout.files:
        per_class = counts.setdefault(file.split, Counter(dict.fromkeys(layout.class_names, 0)))
        image = inspection.images[file.path]
        if isinstance(image, UnreadableImage):
            rejected.append(SkippedFile(file.path, image.reason))
        else:
            per_class[file.class_name] += 1
    if len(rejected) > max_fraction * len(layout.files):
        raise DatasetBadImages(
            f"{len(rejected)} of {len(layout.files)} images cannot be read; the largest share "
            f"allowed is {max_fraction:g} (GRAFT_MAX_BAD_IMAGE_FRACTION). The first one: "
            f"{rejected[0].path[:100]}: {rejected[0].reason}. Remove or repair these files."
        )
    require_classes(counts)
    return rejected


def _list_records(
    layout: Layout, inspection: Inspection, config: IngestionConfig
) -> list[ImageRecord]:
    readable: dict[str, ReadableImage] = {
        path: image for path, image in inspection.images.items() if isinstance(image, ReadableImage)
    }
    accepted = [file for file in layout.files if file.path in readable]
    divided = split_train_val(
        (
            (file.path, file.class_name, readable[file.path].sha256)
            for file in accepted
            if file.split is None
        ),
        val_fraction=config.val_fraction,
        split_seed=config.split_seed,
    )
    placed = sorted(
        (file.split or divided[file.path], file.class_name, file.path) for file in accepted
    )
    if not any(split == "val" for split, _, _ in placed):
        counts = describe_counts(Counter(class_name for _, class_name, _ in placed))
        raise DatasetLayout(
            f"No class has two images, so none remains for validation. Found: {counts}. Upload at "
            "least two images of a class; ten or more of each give a useful model."
        )
    return [
        ImageRecord(
            image_id=number,
            split=split,
            class_name=class_name,
            path=path,
            key=image_key(config.image_folder, readable[path].sha256),
            sha256=readable[path].sha256,
            num_bytes=readable[path].num_bytes,
            width=readable[path].width,
            height=readable[path].height,
        )
        for number, (split, class_name, path) in enumerate(placed, start=1)
    ]


def _report(
    records: list[ImageRecord],
    inspection: Inspection,
    ignored: list[SkippedFile],
    rejected: list[SkippedFile],
) -> dict[str, Any]:
    leaked = find_leaks(records)
    perceptual_hashes = {
        path: image.perceptual_hash
        for path, image in inspection.images.items()
        if isinstance(image, ReadableImage)
    }
    near_leaked = find_near_leaks(records, perceptual_hashes, leaked={path for _, path in leaked})
    return build_report(
        records, ignored=ignored, rejected=rejected, leaked=leaked, near_leaked=near_leaked
    )


def _require_space(records: list[ImageRecord], storage: Storage, floor_bytes: int) -> None:
    """Raise StorageFull before anything is stored if the new images would not fit."""
    sizes = {record.key: record.num_bytes for record in records}
    num_bytes = sum(size for key, size in sizes.items() if not storage.exists(key))
    if storage.num_free_bytes() < num_bytes + floor_bytes:
        raise StorageFull(
            f"The storage has too little free space for {format_bytes(num_bytes)} of images; "
            f"{format_bytes(floor_bytes)} must stay free (GRAFT_STORAGE_FLOOR_BYTES)."
        )


def _store_images(
    upload: Path,
    limits: ArchiveLimits,
    records: list[ImageRecord],
    storage: Storage,
    on_progress: OnProgress,
) -> None:
    keys = {record.path: record.key for record in records}
    total = upload.stat().st_size

    def list_missing() -> Iterator[tuple[str, bytes]]:
        for entry in read_archive(upload, limits):
            on_progress("unpacking", entry.position, total)
            key = keys.get(entry.path)
            if key is not None and not entry.is_folder and not storage.renew(key):
                yield key, b"".join(entry.content)

    def store(key_and_content: tuple[str, bytes]) -> None:
        key, content = key_and_content
        with storage.new_file(key) as file:
            file.write(content)

    for _ in map_in_threads(store, list_missing(), num_threads=_WRITING_THREADS):
        pass
    on_progress("unpacking", total, total)
