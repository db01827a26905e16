"""Evaluation, promotion and export of models with the Python client."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from graft_client.errors import ApiError
from graft_client.graft import Graft
from tests.unit.client.conftest import Answer, Service

VERSION = "/models/pets/versions/3"
CHAMPION = "/models/pets/aliases/champion"
EVALUATION = {
    "name": "pets",
    "version": 3,
    "dataset_id": "ds_1",
    "split": "test",
    "class_names": ["cats", "dogs"],
    "num_images": 10,
    "accuracy": 0.9,
    "accuracy_interval": [0.6, 0.98],
    "per_class": [],
    "confusion_matrix": [[5, 0], [1, 4]],
    "calibration_error": 0.1,
    "log_loss": 0.3,
    "warnings": [],
}
ALIAS = {"name": "pets", "version": 3, "alias": "champion", "gate": None}


def as_json(body: object, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(json.dumps(body).encode(), status, headers=headers)


def later(location: str) -> Answer:
    return as_json({"status": "waiting"}, 202, ("Location", location), ("Retry-After", "0"))


def list_requests(service: Service) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in service.received]


def test_an_evaluation_is_waited_for(graft: Graft, service: Service) -> None:
    found = f"{VERSION}/evaluations/ds_1"
    service.answer("POST", f"{VERSION}/evaluate", later(f"{found}?split=test"))
    service.answer("GET", found, later(f"{found}?split=test"), as_json(EVALUATION))
    evaluation = graft.evaluate_version("pets", 3, "ds_1")
    assert (evaluation.accuracy, evaluation.reference) == (0.9, "pets:3")
    assert json.loads(service.received[0].body) == {"dataset_id": "ds_1"}
    assert service.received[-1].query == "split=test"


def test_a_promotion_is_repeated_once_its_evaluations_are_finished(
    graft: Graft, service: Service
) -> None:
    found = f"{VERSION}/evaluations/ds_1"
    service.answer("PUT", CHAMPION, later(found), as_json(ALIAS))
    service.answer("GET", found, later(found), as_json(EVALUATION))
    assert graft.promote("pets", 3).alias == "champion"
    assert list_requests(service) == [
        ("PUT", CHAMPION),
        ("GET", found),
        ("GET", found),
        ("PUT", CHAMPION),
    ]
    graft.promote("pets", 3, force_because="it rains")
    assert json.loads(service.received[-1].body) == {
        "version": 3,
        "force": True,
        "reason": "it rains",
    }


def test_a_version_that_fails_the_gate_is_an_error(graft: Graft, service: Service) -> None:
    body = b'{"code": "GATE_FAILED", "detail": "worse on cats"}'
    service.answer("PUT", CHAMPION, Answer(body, 409, "application/problem+json"))
    with pytest.raises(ApiError, match="worse on cats"):
        graft.promote("pets", 3)


def test_an_export_is_saved_once_it_is_finished(
    graft: Graft, service: Service, tmp_path: Path
) -> None:
    export = f"{VERSION}/export"
    archive = bytes(range(256)) * 9000
    service.answer(
        "GET",
        export,
        later(f"{export}?format=onnx"),
        Answer(archive, content_type="application/zip"),
    )
    graft.save_export("pets", 3, tmp_path / "pets.zip", format="onnx")
    assert (tmp_path / "pets.zip").read_bytes() == archive
    assert [one.query for one in service.received] == ["format=onnx", "format=onnx"]


def test_a_download_that_breaks_off_leaves_no_file(
    graft: Graft, service: Service, tmp_path: Path
) -> None:
    broken = Answer(b"half", content_type="application/zip", is_broken=True)
    service.answer("GET", f"{VERSION}/export", broken)
    with pytest.raises(httpx.RemoteProtocolError):
        graft.save_export("pets", 3, tmp_path / "pets.zip", format="onnx")
    assert list(tmp_path.iterdir()) == []


def test_gate_rollback_and_events(graft: Graft, service: Service) -> None:
    gate = {
        "dataset_id": "ds_1",
        "split": "test",
        "max_class_drop": 0.02,
        "significance": 0.05,
        "require": "better",
    }
    service.answer("PUT", "/models/pets/gate", as_json(gate))
    assert graft.set_gate("pets", "ds_1", require="better").max_class_drop == 0.02
    assert json.loads(service.received[-1].body) == {"dataset_id": "ds_1", "require": "better"}
    service.answer("POST", f"{CHAMPION}/rollback", as_json(ALIAS | {"version": 2}))
    assert graft.roll_back("pets").version == 2
    event: dict[str, Any] = {
        "id": "ev_1",
        "type": "alias_moved",
        "version": 3,
        "alias": "champion",
        "from_version": None,
        "payload": {},
        "created_at": "2026-01-01T00:00:00.000Z",
    }
    service.answer("GET", "/models/pets/events", as_json({"data": [event]}))
    assert [one.type for one in graft.list_model_events("pets", limit=5)] == ["alias_moved"]
    assert service.received[-1].query == "limit=5"


def test_a_shadow_is_set_beside_the_chosen_model(graft: Graft, service: Service) -> None:
    chosen = {"model": "pets", "resolved": {"name": "pets", "version": 3}, "shadow": None}
    service.answer("GET", "/serving", as_json(chosen))
    service.answer("PUT", "/serving", as_json(chosen))
    graft.shadow_model("pets:4", fraction=0.5)
    assert json.loads(service.received[-1].body) == {
        "model": "pets",
        "shadow": {"model": "pets:4", "fraction": 0.5},
    }
    graft.shadow_model(None)
    assert json.loads(service.received[-1].body) == {"model": "pets", "shadow": None}
