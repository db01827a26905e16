"""Ingest archives with the function that the child process runs."""

import hashlib
import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.datasets.manifest import ImageRecord, read_manifest
from app.errors import ArchiveTooLarge, DatasetBadImages, DatasetLayout, StorageFull
from app.storage import LocalStorage
from worker.ingestion.config import IngestionConfig
from worker.ingestion.ingest import ingest
from worker.protocol import Ingested

UPLOAD = "uploads/ds_test"


def picture(shade: int, *, width: int = 8, height: int = 6, orientation: int = 1) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height), (shade, 255 - shade, 0)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def scene(seed: int, *, quality: int) -> bytes:
    """Draw smooth blobs of colour, which a perceptual hash distinguishes."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    image = Image.fromarray(noise).resize((96, 72), Image.Resampling.BICUBIC)
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def class_folders(per_class: int = 10) -> dict[str, bytes]:
    return {
        f"{name}/{number}.jpg": picture(10 * number + offset)
        for offset, name in enumerate(("ants", "bees"))
        for number in range(per_class)
    }


class Ingestion:
    """Ingest uploads one after the other into one storage."""

    def __init__(self, storage: LocalStorage) -> None:
        self.storage = storage
        self.progress: list[tuple[str, int, int]] = []

    def run(self, files: dict[str, bytes], **changes: object) -> Ingested:
        with (
            self.storage.new_file(UPLOAD) as upload,
            zipfile.ZipFile(upload, "w") as archive,
        ):
            for path, content in files.items():
                archive.writestr(path, content)
        config = IngestionConfig(
            dataset_id="ds_test",
            upload_key=UPLOAD,
            key_prefix="datasets/ds_test/1",
            storage_dir=self.storage.root,
            val_fraction=0.2,
            split_seed=0,
            max_unpacked_bytes=1_000_000,
            max_archive_files=1000,
            max_bad_image_fraction=0.1,
            max_image_bytes=100_000,
            max_image_pixels=10_000,
        )
        return ingest(
            config.model_copy(update=changes),
            self.storage,
            lambda stage, done, total: self.progress.append((stage, done, total)),
        )

    def records(self, ingested: Ingested) -> list[ImageRecord]:
        return list(read_manifest(self.storage.path(ingested.manifest_key)))

    def stored(self) -> set[str]:
        return set(self.storage.list_keys()) - {UPLOAD}


@pytest.fixture
def ingestion(tmp_path: Path) -> Ingestion:
    return Ingestion(LocalStorage(tmp_path))


def test_images_are_stored_under_their_digest(ingestion: Ingestion) -> None:
    files = class_folders()
    ingested = ingestion.run(files)
    records = ingestion.records(ingested)
    assert [record.image_id for record in records] == list(range(1, 21))
    assert records == sorted(records, key=lambda r: (r.split, r.class_name, r.path))
    for record in records:
        assert ingestion.storage.path(record.key).read_bytes() == files[record.path]
        assert record.sha256 == hashlib.sha256(files[record.path]).hexdigest()
        assert record.key == f"images/{record.sha256[:2]}/{record.sha256}"
        assert (record.width, record.height, record.num_bytes) == (8, 6, len(files[record.path]))
    assert ingested.class_names == ["ants", "bees"]
    assert ingested.splits == {
        "train": {"num_images": 16, "per_class": {"ants": 8, "bees": 8}},
        "val": {"num_images": 4, "per_class": {"ants": 2, "bees": 2}},
    }


def test_the_same_content_is_stored_once(ingestion: Ingestion) -> None:
    first = ingestion.run(class_folders())
    stored = ingestion.stored()
    again = ingestion.run({f"renamed/{path}": content for path, content in class_folders().items()})
    assert ingestion.stored() == stored
    assert again.digest == first.digest


def test_the_order_of_the_archive_does_not_matter(ingestion: Ingestion) -> None:
    files = class_folders()
    first = ingestion.records(ingestion.run(files))
    second = ingestion.records(ingestion.run(dict(reversed(files.items()))))
    assert first == second


def test_given_splits_are_kept_and_leaks_reported(ingestion: Ingestion) -> None:
    files = {
        "train/ants/1.jpg": picture(1),
        "train/bees/2.jpg": picture(2),
        "train/bees/copy.jpg": picture(2),
        "val/ants/3.jpg": picture(1),
        "val/bees/4.jpg": picture(4),
        "val/.DS_Store": b"",
    }
    ingested = ingestion.run(files)
    assert ingested.splits["train"]["per_class"] == {"ants": 1, "bees": 2}
    assert ingested.report["duplicates"] == [["train/bees/2.jpg", "train/bees/copy.jpg"]]
    assert ingested.report["leaked"] == [["train/ants/1.jpg", "val/ants/3.jpg"]]
    assert ingested.report["ignored"] == [{"path": "val/.DS_Store", "reason": "system file"}]
    assert ingested.report["counts"]["system_files"] == 1


def test_near_copies_across_splits_are_reported(ingestion: Ingestion) -> None:
    files = {
        "train/ants/1.jpg": scene(1, quality=90),
        "train/bees/2.jpg": scene(2, quality=90),
        "val/ants/3.jpg": scene(3, quality=90),
        "val/ants/exact.jpg": scene(1, quality=90),
        "val/bees/4.jpg": scene(2, quality=50),
    }
    report = ingestion.run(files).report
    assert report["leaked"] == [["train/ants/1.jpg", "val/ants/exact.jpg"]]
    assert report["near_leaked"] == [["train/bees/2.jpg", "val/bees/4.jpg"]]
    assert (report["counts"]["leaked"], report["counts"]["near_leaked"]) == (1, 1)


def test_width_and_height_are_those_after_rotation(ingestion: Ingestion) -> None:
    files = class_folders() | {"ants/turned.jpg": picture(3, orientation=6)}
    records = {record.path: record for record in ingestion.records(ingestion.run(files))}
    assert (records["ants/turned.jpg"].width, records["ants/turned.jpg"].height) == (6, 8)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "not an image"),
        (b"<svg/>", "format is SVG"),
        (picture(1)[:200], "truncated|header is damaged"),
        (picture(1, width=101, height=100), "pixels"),
        (picture(1) + bytes(100_000), "larger than the 100000 bytes"),
    ],
)
def test_a_few_bad_images_are_reported_and_left_out(
    ingestion: Ingestion, bad: bytes, reason: str
) -> None:
    ingested = ingestion.run(class_folders() | {"ants/bad.jpg": bad})
    (rejected,) = ingested.report["rejected"]
    assert rejected["path"] == "ants/bad.jpg"
    assert re.search(reason, rejected["reason"])
    assert len(ingestion.records(ingested)) == 20


def test_bad_images_outside_the_class_folders_do_not_count(ingestion: Ingestion) -> None:
    loose = {f"{number}.jpg": b"broken" for number in range(50)}
    ingested = ingestion.run(class_folders() | loose)
    assert ingested.report["counts"]["rejected"] == 0
    assert ingested.report["counts"]["ignored"] == 50


def test_too_many_bad_images_are_rejected(ingestion: Ingestion) -> None:
    two_of_twenty = class_folders() | {"ants/0.jpg": b"", "bees/0.jpg": b""}
    assert ingestion.run(two_of_twenty).report["counts"]["rejected"] == 2
    three_of_twenty = two_of_twenty | {"ants/1.jpg": b""}
    with pytest.raises(DatasetBadImages, match=r"3 of 20 .*: ants/0\.jpg"):
        ingestion.run(three_of_twenty)


def test_a_class_with_only_bad_images_is_rejected(ingestion: Ingestion) -> None:
    files = class_folders() | {"wasps/1.jpg": b""}
    with pytest.raises(DatasetLayout, match="wasps 0"):
        ingestion.run(files)


def test_one_image_per_class_is_rejected(ingestion: Ingestion) -> None:
    with pytest.raises(DatasetLayout, match="validation"):
        ingestion.run(class_folders(per_class=1))


def test_a_rejected_upload_stores_nothing(ingestion: Ingestion) -> None:
    for changes, error in (
        ({"max_unpacked_bytes": 2000}, ArchiveTooLarge),
        ({"max_bad_image_fraction": 0.0}, DatasetBadImages),
    ):
        with pytest.raises(error):
            ingestion.run(class_folders() | {"bees/x.jpg": b""}, **changes)
    with pytest.raises(DatasetLayout):
        ingestion.run(
            {f"train/{path}": content for path, content in class_folders().items()}
            | {"val/ants/1.jpg": picture(1)}
        )
    assert ingestion.stored() == set()


def test_an_interrupted_ingestion_is_completed(ingestion: Ingestion) -> None:
    complete = ingestion.run(class_folders())
    stored = ingestion.stored()
    ingestion.storage.delete(complete.manifest_key)
    ingestion.storage.delete(min(key for key in stored if key.startswith("images/")))
    assert ingestion.run(class_folders()) == complete
    assert ingestion.stored() == stored


def test_stored_images_are_renewed_before_the_sweep(ingestion: Ingestion) -> None:
    ingestion.run(class_folders())
    for key in ingestion.stored():
        os.utime(ingestion.storage.path(key), (0, 0))
    ingestion.run(class_folders())
    assert list(ingestion.storage.list_keys(older_than_seconds=3600)) == []


def test_progress_is_reported_for_both_stages(ingestion: Ingestion) -> None:
    ingestion.run(class_folders())
    total = ingestion.storage.num_bytes(UPLOAD)
    for stage in ("checking", "unpacking"):
        steps = [step for step in ingestion.progress if step[0] == stage]
        assert steps[0] == (stage, 0, total)
        assert steps[-1] == (stage, total, total)
        assert steps == sorted(steps)
        assert len(steps) == 21


def test_images_that_would_not_fit_are_not_stored(ingestion: Ingestion) -> None:
    with pytest.raises(StorageFull, match=r"too little free space for .* of images"):
        ingestion.run(class_folders(), storage_floor_bytes=10**18)
    assert ingestion.stored() == set()
