"""Predict batches from archives and datasets."""

import json
from typing import Any

import pytest

from app.errors import ArchiveError, CheckpointInvalid
from app.predictions.schemas import PredictOptions
from app.storage import LocalStorage
from tests.batches import make_archive
from tests.damage import flip_last_bit
from tests.images import draw_picture, encode
from tests.models import CLASS_NAMES, save_model
from worker.batches.config import ArchiveSource, BatchConfig
from worker.batches.predict import predict_batch
from worker.batches.results import OnPart
from worker.batches.sources import OnProgress
from worker.protocol import Predicted

PICTURES = {f"{seed:02}.png": encode(draw_picture(seed=seed)) for seed in range(11)}
MODEL = "models/1.safetensors"


def put(storage: LocalStorage, key: str, content: bytes) -> None:
    with storage.new_file(key) as file:
        file.write(content)


def predict(
    storage: LocalStorage,
    archive: bytes,
    on_progress: OnProgress = lambda *_: None,
    on_part: OnPart = lambda _: None,
    **changes: Any,
) -> Predicted:
    put(storage, "uploads/1", archive)
    save_model(storage, MODEL)
    source = ArchiveSource(upload_key="uploads/1", max_unpacked_bytes=2**30, max_archive_files=1000)
    config = BatchConfig(
        source=source,
        checkpoint_key=MODEL,
        trust_key=None,
        options=PredictOptions(),
        results_key="predictions/1.jsonl",
        storage_dir=storage.root,
        device="cpu",
        engine="torch",
        precision="fp32",
        num_threads=3,
        max_image_bytes=2**20,
        max_image_pixels=2**20,
    ).model_copy(update=changes)
    return predict_batch(config, storage, on_progress, on_part)


def read_lines(storage: LocalStorage, key: str = "predictions/1.jsonl") -> list[dict[str, Any]]:
    text = storage.path(key).read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_lines_are_in_the_order_of_the_archive_for_any_number_of_threads(
    storage: LocalStorage,
) -> None:
    predicted = predict(storage, make_archive(PICTURES))
    together = read_lines(storage)
    assert [line["path"] for line in together] == list(PICTURES)
    assert predicted.results_key == "predictions/1.jsonl"
    assert predicted.counts["images"] == 11
    predict(storage, make_archive(PICTURES), num_threads=1)
    for line, same in zip(read_lines(storage), together, strict=True):
        assert line["path"] == same["path"]
        for one, other in zip(line["predictions"], same["predictions"], strict=True):
            assert one == pytest.approx(other, abs=1e-6)
    assert {line["predictions"][0]["label"] for line in together} <= set(CLASS_NAMES)


def test_an_image_over_a_limit_gets_an_error_line(storage: LocalStorage) -> None:
    large = {"large.png": encode(draw_picture(size=(400, 300)))}
    archive = make_archive(PICTURES | large)
    max_image_bytes = max(map(len, PICTURES.values()))
    assert len(large["large.png"]) > max_image_bytes
    counts = predict(storage, archive, max_image_bytes=max_image_bytes).counts
    assert (counts["images"], counts["failed"]) == (12, 1)
    assert read_lines(storage)[-1]["error"]["code"] == "BODY_TOO_LARGE"
    counts = predict(storage, archive, max_image_pixels=80 * 60).counts
    assert counts["failed"] == 1
    assert read_lines(storage)[-1]["error"]["code"] == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        pytest.param(make_archive(PICTURES)[:-30], "ARCHIVE_INVALID", id="cut"),
        pytest.param(
            make_archive(PICTURES).replace(b"\x00IEND\xaeB`\x82", b"\x00IEND\xaeB`\x83"),
            "ARCHIVE_INVALID",
            id="damaged",
        ),
        pytest.param(
            make_archive(PICTURES | {"../out.png": b"x"}), "ARCHIVE_UNSAFE_PATH", id="unsafe"
        ),
        pytest.param(make_archive({"README.md": b"x"}), "ARCHIVE_INVALID", id="no image"),
        pytest.param(make_archive({}), "ARCHIVE_INVALID", id="nothing"),
    ],
)
def test_an_invalid_archive_stores_no_results(
    storage: LocalStorage, archive: bytes, code: str
) -> None:
    with pytest.raises(ArchiveError) as refusal:
        predict(storage, archive)
    assert refusal.value.code == code
    assert list(storage.list_keys("predictions")) == []


def test_a_changed_or_missing_model_raises(storage: LocalStorage) -> None:
    digest = save_model(storage, "models/2.safetensors").digest
    changes: dict[str, Any] = {"checkpoint_key": "models/2.safetensors", "digest": digest}
    predict(storage, make_archive(PICTURES), **changes)
    storage.delete("predictions/1.jsonl")
    flip_last_bit(storage.path("models/2.safetensors"))
    with pytest.raises(CheckpointInvalid, match="sha256"):
        predict(storage, make_archive(PICTURES), **changes)
    storage.delete("models/2.safetensors")
    with pytest.raises(CheckpointInvalid, match="not in the storage"):
        predict(storage, make_archive(PICTURES), **changes)
    assert list(storage.list_keys("predictions")) == []


def test_results_are_stored_atomically(storage: LocalStorage) -> None:
    def stop_halfway(stage: str, done: int, total: int) -> None:
        if stage == "predicting" and 2 * done > total:
            raise CheckpointInvalid("whatever may go wrong")

    with pytest.raises(CheckpointInvalid):
        predict(storage, make_archive(PICTURES), stop_halfway)
    assert list(storage.list_keys("predictions")) == []


def test_the_next_attempt_continues_after_the_parts(storage: LocalStorage) -> None:
    archive = make_archive({"no-image.png": b"x"} | PICTURES)
    undisturbed = predict(storage, archive)
    expected = read_lines(storage)
    storage.delete("predictions/1.jsonl")
    parts: list[str] = []

    def die(stage: str, done: int, total: int) -> None:
        if stage == "predicting" and 2 * done > total:
            raise CheckpointInvalid("whatever may go wrong")

    with pytest.raises(CheckpointInvalid):
        predict(storage, archive, die, parts.append, part_seconds=0)
    assert list(storage.list_keys("predictions")) == sorted(parts)
    told: list[int] = []
    predicted = predict(
        storage,
        archive,
        lambda stage, done, _: told.append(done) if stage == "predicting" else None,
        results_key="predictions/2.jsonl",
        part_keys=parts,
    )
    assert told == [len(parts) + 4]  # what was predicted before is not predicted again
    assert predicted.counts == undisturbed.counts
    lines = read_lines(storage, "predictions/2.jsonl")
    assert [line["path"] for line in lines] == [line["path"] for line in expected]
    assert lines[: len(parts)] == expected[: len(parts)]
