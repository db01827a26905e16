"""Quantization to int8, and the gate that int8 versions must pass."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.quantization.schemas import QuantizationFigures, QuantizationResult
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.contract.datasets import problem
from tests.evaluations import add_labelled_dataset, finish_evaluations, register_versions
from tests.models import register_file
from worker.protocol import AnalysisDone
from worker.quantization.work import QuantizationWork

QUANTIZE, CHAMPION = "/models/ants/versions/1/quantize", "/models/ants/aliases/champion"
TARGETS = [0] * 20 + [1] * 20
RESULT = QuantizationResult(
    digest="8" * 64,
    num_bytes=250,
    figures=QuantizationFigures(
        num_images=40,
        float_accuracy=0.9,
        int8_accuracy=0.875,
        int8_balanced_accuracy=0.85,
        num_changed=1,
        max_probability_difference=0.1,
    ),
)


@pytest.fixture
def dataset_id(database: Database) -> str:
    register_file(database, "chosen")
    register_versions(database, 1)
    return add_labelled_dataset(database)


def finish(database: Database, settings: Settings, storage: LocalStorage) -> list[str]:
    """Record the child's result as a worker does; returns the unneeded storage keys."""
    kind = QuantizationWork(settings, storage)
    with database.transaction() as session:
        lease = work.claim(session, "predict", "me")
        assert lease is not None
        assert lease.kind == "quantize"
        assert kind.begin(session, lease) is not None
    with database.transaction() as session:
        work.require_lease(session, lease)
        unneeded = kind.record(session, lease, AnalysisDone(result=RESULT.model_dump()))
        work.finish(session, lease)
    return unneeded


@pytest.fixture
def quantized(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    dataset_id: str,
) -> str:
    """Quantize version 1 to version 2; returns the dataset's id."""
    assert client.post(QUANTIZE, json={"dataset_id": dataset_id}).status_code == 202
    assert finish(database, settings, storage) == []
    return dataset_id


def promote(client: TestClient, version: int, **fields: Any) -> Any:
    return client.put(CHAMPION, json={"version": version} | fields)


def test_the_location_returns_the_quantization(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    dataset_id: str,
) -> None:
    location = client.post(QUANTIZE, json={"dataset_id": dataset_id}).headers["location"]
    waiting = client.get(location)
    assert (waiting.status_code, waiting.headers["location"]) == (202, location)
    finish(database, settings, storage)
    found = client.get(location)
    assert found.status_code == 200
    assert (found.json()["version"], found.json()["quantized_from"]) == (2, 1)
    assert found.json() == client.post(QUANTIZE, json={"dataset_id": dataset_id}).json()
    assert problem(client.get(location.replace("/1/", "/2/"))) == (404, "NOT_FOUND")
    assert problem(client.get(f"{location}x")) == (404, "NOT_FOUND")


def test_an_int8_version_is_listed_with_its_original(client: TestClient, quantized: str) -> None:
    answer = client.post(QUANTIZE, json={"dataset_id": quantized})
    assert answer.status_code == 200
    assert answer.json() == RESULT.figures.model_dump() | {
        "name": "ants",
        "version": 2,
        "quantized_from": 1,
    }
    version = client.get("/models/ants/versions/2").json()
    assert (version["quantized_from"], version["val_accuracy"]) == (1, 0.875)
    assert version["val_balanced_accuracy"] == 0.85
    assert client.get("/models/ants/versions/1").json()["quantized_from"] is None
    (event, *_) = client.get("/models/ants/events").json()["data"]
    assert (event["type"], event["version"]) == ("registered", 2)
    assert event["payload"]["quantized_from"] == 1


def test_a_bare_name_does_not_select_the_newest_int8_version(
    client: TestClient, quantized: str
) -> None:
    assert quantized
    assert client.put("/serving", json={"model": "ants"}).json()["resolved"]["version"] == 1
    assert problem(client.put("/serving", json={"model": "ants:2"})) == (409, "GATE_FAILED")
    client.put("/models/ants/aliases/rounded", json={"version": 2})
    assert problem(client.put("/serving", json={"model": "ants@rounded"})) == (409, "GATE_FAILED")
    client.put("/models/ants/aliases/rounded", json={"version": 1})
    assert client.put("/serving", json={"model": "ants@rounded"}).status_code == 200
    moved = client.put("/models/ants/aliases/rounded", json={"version": 2})
    assert problem(moved) == (409, "GATE_FAILED")


def test_an_int8_version_needs_a_gate_to_become_champion(
    client: TestClient, database: Database, quantized: str
) -> None:
    assert promote(client, 1).status_code == 200
    assert problem(promote(client, 2)) == (409, "GATE_FAILED")
    client.put("/models/ants/gate", json={"dataset_id": quantized})
    assert promote(client, 2).status_code == 202
    finish_evaluations(database, TARGETS, {1: TARGETS, 2: [1] * 8 + TARGETS[8:]})
    assert problem(promote(client, 2)) == (409, "GATE_FAILED")
    client.delete("/models/ants/gate")
    assert promote(client, 2, force=True, reason="tried by hand").status_code == 200
    assert client.put("/serving", json={"model": "ants"}).json()["resolved"]["version"] == 2
    (event, *_) = client.get("/models/ants/events", params={"limit": 2}).json()["data"][1:]
    assert (event["type"], event["payload"]["reason"]) == ("forced", "tried by hand")


def test_an_int8_version_that_passes_becomes_champion(
    client: TestClient, database: Database, quantized: str
) -> None:
    client.put("/models/ants/gate", json={"dataset_id": quantized})
    assert promote(client, 1).status_code == 202
    finish_evaluations(database, TARGETS, {1: TARGETS})
    assert promote(client, 1).status_code == 200
    assert promote(client, 2).status_code == 202
    finish_evaluations(database, TARGETS, {2: TARGETS})
    assert promote(client, 2).json()["version"] == 2


def test_without_a_champion_it_is_compared_with_the_newest_version(
    client: TestClient, database: Database, quantized: str
) -> None:
    client.put("/models/ants/gate", json={"dataset_id": quantized})
    assert promote(client, 2).status_code == 202
    finish_evaluations(database, TARGETS, {1: TARGETS, 2: [1] * 8 + TARGETS[8:]})
    assert problem(promote(client, 2)) == (409, "GATE_FAILED")


def test_an_int8_version_cannot_be_quantized_or_exported(
    client: TestClient, quantized: str
) -> None:
    again = client.post("/models/ants/versions/2/quantize", json={"dataset_id": quantized})
    assert problem(again) == (409, "CONFLICT")
    export = client.get("/models/ants/versions/2/export", params={"format": "onnx"})
    assert problem(export) == (409, "CONFLICT")


def test_a_deleted_int8_version_can_be_made_again(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    quantized: str,
) -> None:
    assert client.delete("/models/ants/versions/2").status_code == 204
    assert client.post(QUANTIZE, json={"dataset_id": quantized}).status_code == 202
    finish(database, settings, storage)
    assert client.post(QUANTIZE, json={"dataset_id": quantized}).json()["version"] == 3


def test_the_original_may_be_deleted_meanwhile(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    dataset_id: str,
) -> None:
    register_versions(database, 1)
    client.post(QUANTIZE, json={"dataset_id": dataset_id})
    assert client.delete("/models/ants/versions/1").status_code == 204
    (unneeded,) = finish(database, settings, storage)
    assert unneeded.startswith("quantized/")
    assert problem(client.post(QUANTIZE, json={"dataset_id": dataset_id})) == (404, "NOT_FOUND")
    assert [one["version"] for one in client.get("/models/ants").json()["versions"]] == [2]


def test_invalid_requests_are_refused(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    other = add_labelled_dataset(database, class_names=["ants", "hornets"])
    for fields, expected in (
        ({"dataset_id": other}, (422, "VALIDATION")),
        ({"dataset_id": dataset_id, "num_images": 5}, (422, "VALIDATION")),
        ({"dataset_id": "ds_unknown"}, (404, "NOT_FOUND")),
    ):
        assert problem(client.post(QUANTIZE, json=fields)) == expected
    unknown = client.post("/models/ants/versions/9/quantize", json={"dataset_id": dataset_id})
    assert problem(unknown) == (404, "NOT_FOUND")
