"""The child process of an export: its files and its errors."""

import pytest

from app.errors import CheckpointInvalid, StorageFull
from app.exports.schemas import ExportParameters
from app.storage import LocalStorage
from tests.damage import flip_last_bit
from tests.models import save_model
from worker.exports.config import ExportConfig
from worker.exports.export import NUM_STEPS, export

KEY = "exports/inq_1/1-1.zip"
CHECKPOINT = "jobs/job_0/1/model.safetensors"


@pytest.fixture
def config(storage: LocalStorage) -> ExportConfig:
    stored = save_model(storage, CHECKPOINT)
    question = ExportParameters(
        format="safetensors",
        name="ants",
        version=1,
        digest=stored.digest,
        checkpoint_key=CHECKPOINT,
        trust_key=None,
    )
    return ExportConfig(question=question, storage_dir=storage.root, file_key=KEY)


def ignore(_done: int, _total: int) -> None:
    pass


def test_only_the_archive_remains(config: ExportConfig, storage: LocalStorage) -> None:
    steps: list[tuple[int, int]] = []
    found = export(config, lambda done, total: steps.append((done, total)))
    assert steps == [(step, NUM_STEPS) for step in range(1, NUM_STEPS + 1)]
    assert found.num_bytes == storage.num_bytes(KEY)
    assert set(storage.list_keys()) == {CHECKPOINT, KEY}


def test_a_missing_or_damaged_checkpoint_is_named(
    config: ExportConfig, storage: LocalStorage
) -> None:
    flip_last_bit(storage.path(CHECKPOINT))
    with pytest.raises(CheckpointInvalid, match=r"ants:1 cannot be read: .* sha256"):
        export(config, ignore)
    storage.delete(CHECKPOINT)
    with pytest.raises(CheckpointInvalid, match="ants:1"):
        export(config, ignore)


def test_a_full_disk_is_detected_before_writing(
    config: ExportConfig, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalStorage, "num_free_bytes", lambda _: 1_000_000)
    with pytest.raises(StorageFull):
        export(config, ignore)
    assert list(storage.list_keys()) == [CHECKPOINT]
