"""Run the real child process with the supervisor's protocol."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.datasets.manifest import read_manifest
from app.storage import LocalStorage
from tests.unit.datasets.archives import ZipEntry, zip_of
from worker.ingestion.config import IngestionConfig
from worker.parent_watchdog import GONE_EXIT_CODE
from worker.protocol import Failed, Ingested, IngestProgress, Message, parse_line

COMMAND = [sys.executable, "-m", "worker.ingestion"]


def configuration(storage: LocalStorage) -> str:
    config = IngestionConfig(
        dataset_id="ds_test",
        upload_key="uploads/ds_test",
        key_prefix="datasets/ds_test/1",
        storage_dir=storage.root,
        val_fraction=0.2,
        split_seed=0,
        max_unpacked_bytes=10**9,
        max_archive_files=150_000,
        max_bad_image_fraction=0.1,
        max_image_bytes=2**25,
        max_image_pixels=10**8,
    )
    return f"60\n{config.model_dump_json()}\n"


def run_child(storage: LocalStorage) -> list[Message]:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(configuration(storage))
        child.stdin.flush()
        messages = [parse_line(line) for line in child.stdout]
        assert child.wait(timeout=60) == 0
    return messages


@pytest.mark.shared
def test_the_tutorials_photographs_become_a_dataset(
    storage: LocalStorage, shared_dir: Path
) -> None:
    upload = storage.root / "uploads" / "ds_test"
    upload.parent.mkdir(parents=True)
    shutil.copy(shared_dir / "data" / "hymenoptera_data.zip", upload)
    *progress, result = run_child(storage)
    assert isinstance(result, Ingested)
    assert result.class_names == ["ants", "bees"]
    assert result.splits == {
        "train": {"num_images": 244, "per_class": {"ants": 123, "bees": 121}},
        "val": {"num_images": 153, "per_class": {"ants": 70, "bees": 83}},
    }
    assert [item["path"] for item in result.report["ignored"]] == [
        "hymenoptera_data/train/ants/imageNotFound.gif"
    ]
    assert result.report["rejected"] == []
    records = list(read_manifest(storage.path(result.manifest_key)))
    assert len(records) == 397
    assert all(storage.num_bytes(record.key) == record.num_bytes for record in records)
    stages = [message.stage for message in progress if isinstance(message, IngestProgress)]
    assert len(stages) == len(progress)
    assert list(dict.fromkeys(stages)) == ["checking", "unpacking"]


def test_a_rejected_archive_is_reported_with_its_code(storage: LocalStorage) -> None:
    with storage.new_file("uploads/ds_test") as upload:
        upload.write(zip_of(ZipEntry(b"../evil.jpg")))
    assert run_child(storage)[-1] == Failed(
        code="ARCHIVE_UNSAFE_PATH",
        message="The entry name '../evil.jpg' leads out of its folder.",
    )


def test_the_child_ends_with_its_supervisor(storage: LocalStorage) -> None:
    gone = subprocess.run(COMMAND, input="60\n", capture_output=True, text=True, check=False)
    assert gone.returncode == GONE_EXIT_CODE
    assert list(storage.list_keys()) == []


def test_the_child_never_imports_torch_or_sql() -> None:
    code = (
        "import json, sys, worker.ingestion.__main__; "
        "print(json.dumps([m for m in ('torch', 'sqlalchemy', 'celery', 'fastapi')"
        " if m in sys.modules]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == []
