"""Routes of batch predictions; the worker's part runs in the test's process."""

import csv
import io
import json
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from app.batches.lifecycle import record_part
from app.db.session import Database
from app.db.tables import PredictionBatch
from app.ml.trust.trust_file import Trust
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from graft_client import Batch
from tests.batches import make_archive, run_next_batch
from tests.contract.datasets import problem
from tests.datasets import add_dataset
from tests.images import draw_picture, encode, make_pixel_bomb
from tests.models import register_model
from worker.batches.work import BatchWork
from worker.kinds import fail_subject, make_kinds

PICTURES = {f"some/folder/{seed}.png": encode(draw_picture(seed=seed)) for seed in range(5)}
BAD = {
    "bad/text.jpg": b"a text",
    "bad/cut.jpg": encode(draw_picture(size=(400, 300)), "JPEG")[:-2000],
    "bad/bomb.png": make_pixel_bomb(),
}
IGNORED = {"README.md": b"read me", "__MACOSX/._0.png": b"x", ".hidden.png": b"x"}
ARCHIVE = make_archive(PICTURES | BAD | IGNORED)


@pytest.fixture(autouse=True)
def version(database: Database, storage: LocalStorage) -> int:
    return register_model(database, storage)


@pytest.fixture
def ready(ready: str, database: Database) -> str:
    """A dataset that is ready."""
    with database.transaction() as session:
        item = work.lock_unfinished(session, ready)
        assert item is not None
        work.remove(session, item)
    return ready


def post(client: TestClient, *, key: str | None = None, **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/predictions", json=fields, headers=headers)


def send(
    client: TestClient, archive: bytes = ARCHIVE, *, key: str | None = None, **fields: str
) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/predictions", files={"file": archive}, data=fields, headers=headers)


def predict(client: TestClient, image: bytes, **params: Any) -> Any:
    return client.post("/predict", files={"image": image}, params=params).json()


def close(prediction: dict[str, Any]) -> Any:
    """Compare predictions up to the rounding that depends on the batch."""
    return pytest.approx(prediction, abs=1e-5)


def read_lines(client: TestClient, batch_id: str) -> list[dict[str, Any]]:
    answer = client.get(f"/predictions/{batch_id}/results")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_images_of_an_archive_get_the_same_results_as_alone(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    posted = send(client, top_k="2", metadata='{"team": "ants"}')
    assert posted.status_code == 202
    batch = posted.json()
    assert posted.headers["location"] == f"/predictions/{batch['id']}"
    assert batch["id"].startswith("pred_")
    assert (batch["status"], batch["is_terminal"], batch["counts"]) == ("queued", False, None)
    assert batch["model"] == {"name": "ants-and-bees", "version": 1}
    assert (batch["dataset_id"], batch["options"]["top_k"]) == (None, 2)
    assert batch["metadata"] == {"team": "ants"}
    assert client.get(f"/predictions/{batch['id']}").json() == batch
    assert Batch.model_validate(batch).model.reference == "ants-and-bees:1"
    assert problem(client.get(f"/predictions/{batch['id']}/results")) == (409, "RESULTS_NOT_READY")

    reported = run_next_batch(database, settings, storage)
    assert [stage for stage, _, _ in reported] == sorted(
        stage for stage, _, _ in reported
    )  # c before p
    assert reported[-1] == ("predicting", 8, 8)
    done = client.get(f"/predictions/{batch['id']}").json()
    assert (done["status"], done["is_terminal"], done["error"]) == ("succeeded", True, None)
    assert (done["counts"]["images"], done["counts"]["failed"]) == (8, 3)
    assert sum(done["counts"]["per_label"].values()) == 5
    assert done["accuracy"] is None
    assert done["progress"] == {"stage": "done", "done": 8, "total": 8}

    lines = {line.pop("path"): line for line in read_lines(client, batch["id"])}
    assert list(lines) == [*PICTURES, *BAD]
    for path, image in PICTURES.items():
        alone = predict(client, image, top_k=2)["predictions"]
        assert len(lines[path]["predictions"]) == 2
        for here, there in zip(lines[path]["predictions"], alone, strict=True):
            assert here == close(there)
    assert [lines[path]["error"]["code"] for path in BAD] == [
        "UNSUPPORTED_IMAGE",
        "IMAGE_CORRUPT",
        "IMAGE_TOO_LARGE",
    ]
    assert list(storage.list_keys("uploads")) == []


def test_a_dataset_is_predicted_with_its_labels(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage, ready: str
) -> None:
    batch = post(client, dataset_id=ready, split="val").json()
    assert (batch["dataset_id"], batch["split"]) == (ready, "val")
    run_next_batch(database, settings, storage)
    done = client.get(f"/predictions/{batch['id']}").json()
    lines = read_lines(client, batch["id"])
    images = client.get(f"/datasets/{ready}/images", params={"split": "val"}).json()["data"]
    assert [(x["image_id"], x["path"], x["label"]) for x in lines] == [
        (x["id"], x["path"], x["class_name"]) for x in images
    ]
    right = [line["predictions"][0]["label"] == line["label"] for line in lines]
    assert done["accuracy"] == pytest.approx(sum(right) / len(right))
    first = client.get(f"/datasets/{ready}/images/{images[0]['id']}").content
    assert lines[0]["predictions"][0] == close(predict(client, first)["predictions"][0])

    whole = post(client, dataset_id=ready).json()
    run_next_batch(database, settings, storage)
    assert client.get(f"/predictions/{whole['id']}").json()["counts"]["images"] == 16


def test_a_new_attempt_continues_where_the_last_one_stopped(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage, ready: str
) -> None:
    undisturbed = post(client, dataset_id=ready).json()
    run_next_batch(database, settings, storage)
    expected = read_lines(client, undisturbed["id"])
    batch = post(client, dataset_id=ready).json()
    with storage.new_file("predictions/part.jsonl") as file:
        file.writelines(json.dumps(line).encode() + b"\n" for line in expected[:5])
    with database.transaction() as session:
        assert record_part(session, batch["id"], "predictions/part.jsonl", num_bytes=1) == []
    reported = run_next_batch(database, settings, storage)
    assert min(done for _, done, _ in reported) > 5
    lines = read_lines(client, batch["id"])
    assert [line["path"] for line in lines] == [line["path"] for line in expected]
    assert lines[:5] == expected[:5]
    done = client.get(f"/predictions/{batch['id']}").json()
    assert done["accuracy"] == client.get(f"/predictions/{undisturbed['id']}").json()["accuracy"]
    assert not storage.exists("predictions/part.jsonl")


def test_results_can_be_downloaded_as_csv(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    batch = send(client).json()
    run_next_batch(database, settings, storage)
    answer = client.get(f"/predictions/{batch['id']}/results", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["path"] for row in rows] == [*PICTURES, *BAD]
    for row, line in zip(rows, read_lines(client, batch["id"]), strict=True):
        if "error" in line:
            assert (row["error_code"], row["predicted"]) == (line["error"]["code"], "")
        else:
            best = line["predictions"][0]
            assert (row["predicted"], row["error_code"]) == (best["label"], "")
            assert float(row["probability"]) == best["probability"]


def test_results_include_the_requested_options(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    neighbours = torch.eye(512)[:4]
    trust = Trust(2.0, torch.linspace(0, 1, 99), neighbours, torch.linspace(0, 0.5, 99))
    register_model(database, storage, "trusted", trust=trust)
    options = {"model": "trusted", "coverage": 0.6, "logits": True}
    batch = send(client, ARCHIVE, model="trusted", coverage="0.6", logits="true").json()
    run_next_batch(database, settings, storage)
    lines = read_lines(client, batch["id"])
    for line, image in zip(lines, PICTURES.values(), strict=False):
        alone = predict(client, image, **options)
        assert line["prediction_set"] == alone["prediction_set"]
        assert line["novelty"] == pytest.approx(alone["novelty"], abs=1e-5)
        for here, there in zip(line["predictions"], alone["predictions"], strict=True):
            assert here == pytest.approx(there, abs=1e-4)
    answer = client.get(f"/predictions/{batch['id']}/results", params={"format": "csv"})
    first = next(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert json.loads(first["prediction_set"]) == lines[0]["prediction_set"]["labels"]
    assert first["is_novel"] == str(lines[0]["novelty"]["is_novel"])


def test_the_version_is_resolved_when_the_batch_is_created(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    batch = send(client, model="ants-and-bees").json()
    register_model(database, storage, seed=1)
    assert send(client, model="ants-and-bees").json()["model"]["version"] == 2
    run_next_batch(database, settings, storage)
    lines = read_lines(client, batch["id"])
    expected = predict(client, next(iter(PICTURES.values())), model="ants-and-bees:1")
    assert lines[0]["predictions"][0] == close(expected["predictions"][0])


def test_the_same_idempotency_key_returns_the_same_batch(
    client: TestClient, storage: LocalStorage, ready: str
) -> None:
    first = post(client, key="once", dataset_id=ready)
    again = post(client, key="once", dataset_id=ready)
    assert (again.status_code, again.json()) == (202, first.json())
    other = post(client, key="once", dataset_id=ready, top_k=1)
    assert problem(other) == (409, "IDEMPOTENCY_CONFLICT")
    sent = send(client, key="twice")
    resent = send(client, key="twice")
    assert resent.json() == sent.json()
    uploads = [f"uploads/{sent.json()['id']}"]
    assert [key for key in storage.list_keys("uploads") if "pred_" in key] == uploads
    assert problem(send(client, key="twice", top_k="1")) == (409, "IDEMPOTENCY_CONFLICT")
    assert [key for key in storage.list_keys("uploads") if "pred_" in key] == uploads


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dataset_id": "ds_unknown"}, (404, "NOT_FOUND")),
        ({"dataset_id": "ready", "model": "unknown"}, (404, "NOT_FOUND")),
        ({"dataset_id": "ready", "model": "No Model"}, (422, "VALIDATION")),
        ({"dataset_id": "ready", "split": "test"}, (422, "VALIDATION")),
        ({"dataset_id": "ready", "split": "all"}, (422, "VALIDATION")),
        ({"dataset_id": "ready", "top_k": 0}, (422, "VALIDATION")),
        ({"dataset_id": "ready", "unknown": 1}, (422, "VALIDATION")),
        ({"dataset_id": "ready", "coverage": 0.2}, (422, "VALIDATION")),
        ({"dataset_id": "ready", "coverage": 0.9}, (409, "NOT_CALIBRATED")),
        ({"dataset_id": "ready", "explain": True}, (422, "VALIDATION")),
        ({}, (422, "VALIDATION")),
        ({"dataset_id": "invalid"}, (409, "DATASET_INVALID")),
    ],
)
def test_invalid_requests_are_refused(
    client: TestClient,
    database: Database,
    ready: str,
    fields: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    ids = {"ready": ready, "invalid": add_dataset(database, "invalid")}
    if "dataset_id" in fields:
        fields = fields | {"dataset_id": ids.get(fields["dataset_id"], fields["dataset_id"])}
    assert problem(post(client, **fields)) == expected
    assert client.get("/predictions").json()["data"] == []


def test_a_refused_upload_leaves_no_files(client: TestClient, storage: LocalStorage) -> None:
    assert problem(send(client, b"no archive")) == (422, "ARCHIVE_INVALID")
    assert problem(send(client, top_k="many")) == (422, "VALIDATION")
    assert problem(send(client, unknown="1")) == (422, "VALIDATION")
    assert problem(send(client, model="unknown")) == (404, "NOT_FOUND")
    form = client.post("/predictions", data={"top_k": "1"})
    assert problem(form) == (415, "UNSUPPORTED_MEDIA_TYPE")
    broken = client.post("/predictions", content=b"{", headers={"Content-Type": "application/json"})
    assert problem(broken) == (400, "BAD_JSON")
    text = client.post("/predictions", content=b"x", headers={"Content-Type": "text/plain"})
    assert problem(text) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert text.json()["errors"][0]["allowed"] == ["application/json", "multipart/form-data"]
    assert list(storage.list_keys("uploads")) == []


def test_a_dataset_in_use_cannot_be_deleted(client: TestClient, ready: str) -> None:
    batch = post(client, dataset_id=ready).json()
    assert problem(client.delete(f"/datasets/{ready}")) == (409, "IN_USE")
    cancelled = client.post(f"/predictions/{batch['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert client.delete(f"/datasets/{ready}").status_code == 204


def test_a_batch_waits_for_its_dataset_and_fails_with_it(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    dataset_id = client.post("/datasets", files={"file": ("x.zip", ARCHIVE)}).json()["id"]
    batch = post(client, dataset_id=dataset_id).json()
    with database.transaction() as session:
        lease = work.claim(session, "cpu", "me")
        assert lease is not None
        assert lease.kind == "ingest"
        assert work.claim(session, "predict", "other") is None
    with database.transaction() as session:
        work.finish(session, lease)
        kinds = make_kinds(settings, storage)
        fail_subject(kinds, session, "ingest", dataset_id, "DATASET_LAYOUT", "one class")
    failed = client.get(f"/predictions/{batch['id']}").json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "DATASET_INVALID")


def test_a_cancelled_batch_accepts_no_results(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    batch_id = send(client).json()["id"]
    kind = BatchWork(settings, storage)
    with database.transaction() as session:
        lease = work.claim(session, "predict", "me")
        assert lease is not None
        kind.begin(session, lease)
    assert client.get(f"/predictions/{batch_id}").json()["status"] == "running"
    assert problem(client.delete(f"/predictions/{batch_id}")) == (409, "ILLEGAL_TRANSITION")
    assert client.post(f"/predictions/{batch_id}/cancel").json()["status"] == "cancelled"
    again = client.post(f"/predictions/{batch_id}/cancel")
    assert problem(again) == (409, "ILLEGAL_TRANSITION")
    with database.transaction() as session:
        assert work.beat(session, lease).cancel
        assert not kind.requeue(session, batch_id, "cancelled")
    assert list(storage.list_keys("uploads")) == []
    assert client.delete(f"/predictions/{batch_id}").status_code == 204
    with database.transaction() as session:
        assert not kind.requeue(session, batch_id, "cancelled")
        assert session.get(PredictionBatch, batch_id) is None


def test_deleting_a_batch_deletes_its_results(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    batch_id = send(client).json()["id"]
    run_next_batch(database, settings, storage)
    assert len(list(storage.list_keys("predictions"))) == 1
    assert client.delete(f"/predictions/{batch_id}").status_code == 204
    assert list(storage.list_keys("predictions")) == []
    for method, path in (
        ("GET", ""),
        ("GET", "/results"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        answer = client.request(method, f"/predictions/{batch_id}{path}")
        assert problem(answer) == (404, "NOT_FOUND")


def test_batches_are_listed_newest_first(client: TestClient, ready: str) -> None:
    ids = [post(client, dataset_id=ready).json()["id"], send(client).json()["id"]]
    client.post(f"/predictions/{ids[0]}/cancel")

    def list_ids(**params: Any) -> list[str]:
        page = client.get("/predictions", params=params).json()
        return [batch["id"] for batch in page["data"]]

    assert list_ids() == ids[::-1]
    assert list_ids(limit=1) == ids[1:]
    assert list_ids(after=ids[1]) == ids[:1]
    assert list_ids(status="cancelled") == ids[:1]
    assert list_ids(dataset_id=ready) == ids[:1]
    assert problem(client.get("/predictions", params={"status": "done"})) == (422, "VALIDATION")


class TestBeforeAnyModel:
    @pytest.fixture(autouse=True)
    def version(self) -> None:
        """Register nothing."""

    def test_the_error_is_model_not_ready(
        self, client: TestClient, storage: LocalStorage, ready: str
    ) -> None:
        assert problem(post(client, dataset_id=ready)) == (409, "MODEL_NOT_READY")
        assert problem(send(client)) == (409, "MODEL_NOT_READY")
        assert [key for key in storage.list_keys("uploads") if "pred_" in key] == []


class TestWithSmallLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_upload_bytes": 1000})

    def test_an_archive_over_the_limit_is_refused(self, client: TestClient) -> None:
        assert problem(send(client)) == (413, "BODY_TOO_LARGE")
