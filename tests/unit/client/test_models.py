"""Models and their versions with the Python client: promotion, evaluation, export."""

import json
from pathlib import Path
from typing import Any

import pytest

from graft_client import Graft, GraftError
from graft_client.errors import ConnectionFailed, GateFailed, NotFound
from graft_client.synchronous.versions import RegisteredVersion
from tests.unit.client.answers import (
    ALIAS,
    CHAMPION,
    CHOSEN,
    EVALUATION,
    NOW,
    VERSION,
    as_json,
    later,
    model,
    page,
    problem,
    version,
)
from tests.unit.client.conftest import Answer, Service


@pytest.fixture
def third(graft: Graft) -> RegisteredVersion:
    return graft.model("pets").version(3)


def list_requests(service: Service) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in service.received]


def sent(service: Service) -> Any:
    return json.loads(service.received[-1].body)


def test_an_evaluation_is_waited_for(third: RegisteredVersion, service: Service) -> None:
    found = f"{VERSION}/evaluations/ds_1"
    service.answer("POST", f"{VERSION}/evaluate", later(f"{found}?split=test"))
    service.answer("GET", found, later(f"{found}?split=test"), as_json(EVALUATION))
    evaluation = third.evaluate("ds_1")
    assert (evaluation.accuracy, evaluation.reference) == (0.9, "pets:3")
    assert json.loads(service.received[0].body) == {"dataset_id": "ds_1"}
    assert service.received[-1].query == "split=test"


def test_a_quantized_version_can_act(third: RegisteredVersion, service: Service) -> None:
    answer = {
        "name": "pets",
        "version": 4,
        "quantized_from": 3,
        "num_images": 10,
        "float_accuracy": 0.9,
        "int8_accuracy": 0.8,
        "num_changed": 1,
        "max_probability_difference": 0.1,
    }
    service.answer("POST", f"{VERSION}/quantize", as_json(answer))
    quantized = third.quantize("ds_1", num_images=10)
    assert sent(service) == {"dataset_id": "ds_1", "num_images": 10}
    service.answer("PUT", "/serving", as_json(CHOSEN))
    quantized.use()
    assert sent(service) == {"model": "pets:4"}


def test_a_promotion_is_repeated_once_its_evaluations_are_finished(
    third: RegisteredVersion, service: Service
) -> None:
    found = f"{VERSION}/evaluations/ds_1"
    service.answer("PUT", CHAMPION, later(found), as_json(ALIAS))
    service.answer("GET", found, later(found), as_json(EVALUATION))
    assert third.promote().alias == "champion"
    assert list_requests(service) == [
        ("PUT", CHAMPION),
        ("GET", found),
        ("GET", found),
        ("PUT", CHAMPION),
    ]
    third.promote(force_because="it rains")
    assert sent(service) == {"version": 3, "force": True, "reason": "it rains"}


def test_a_model_promotes_its_newest_version(graft: Graft, service: Service) -> None:
    service.answer("GET", "/models/pets", as_json(model()))
    service.answer("GET", VERSION, as_json(version()))
    service.answer("PUT", "/models/pets/aliases/next", as_json(ALIAS | {"alias": "next"}))
    assert graft.model("pets").promote(alias="next").alias == "next"
    assert sent(service) == {"version": 3}


def test_a_version_that_fails_the_gate_is_an_error(
    third: RegisteredVersion, service: Service
) -> None:
    service.answer("PUT", CHAMPION, problem(409, "GATE_FAILED", "worse on cats"))
    with pytest.raises(GateFailed, match="worse on cats"):
        third.promote()


def test_an_export_is_saved_once_it_is_finished(
    third: RegisteredVersion, service: Service, tmp_path: Path
) -> None:
    export = f"{VERSION}/export"
    archive = bytes(range(256)) * 9000
    zip_answer = Answer(archive, content_type="application/zip")
    service.answer("GET", export, later(f"{export}?format=onnx"), zip_answer)
    assert third.export(tmp_path / "pets.zip").read_bytes() == archive
    assert [one.query for one in service.received] == ["format=onnx", "format=onnx"]


def test_a_download_that_breaks_off_leaves_no_file(
    third: RegisteredVersion, service: Service, tmp_path: Path
) -> None:
    broken = Answer(b"half", content_type="application/zip", is_broken=True)
    service.answer("GET", f"{VERSION}/export", broken)
    with pytest.raises(ConnectionFailed):
        third.export(tmp_path / "pets.zip")
    service.answer("GET", f"{VERSION}/export", problem(404, "NOT_FOUND"))
    with pytest.raises(NotFound):
        third.export(tmp_path / "pets.zip")
    assert list(tmp_path.iterdir()) == []


def test_gate_rollback_and_events(graft: Graft, service: Service) -> None:
    pets = graft.model("pets")
    gate = {
        "dataset_id": "ds_1",
        "dataset_digest": "ab",
        "split": "test",
        "max_class_drop": 0.02,
        "significance": 0.05,
        "require": "better",
    }
    service.answer("PUT", "/models/pets/gate", as_json(gate))
    assert pets.set_gate("ds_1", require="better").max_class_drop == 0.02
    assert sent(service) == {"dataset_id": "ds_1", "require": "better"}
    service.answer("GET", "/models/pets/gate", as_json(gate))
    assert pets.gate().require == "better"
    service.answer("DELETE", "/models/pets/gate", Answer(b"", 204))
    pets.delete_gate()
    service.answer("POST", f"{CHAMPION}/rollback", as_json(ALIAS | {"version": 2}))
    assert pets.rollback().version == 2
    assert service.received[-1].headers["Idempotency-Key"]
    service.answer("DELETE", "/models/pets/aliases/next", Answer(b"", 204))
    pets.delete_alias("next")
    row: dict[str, Any] = {
        "id": "ev_1",
        "name": "pets",
        "type": "alias_moved",
        "version": 3,
        "alias": "champion",
        "from_version": None,
        "payload": {},
        "created_at": NOW,
    }
    service.answer("GET", "/models/pets/events", page(row))
    assert [one.type for one in pets.events().take(5)] == ["alias_moved"]
    assert service.received[-1].query == "limit=5"


@pytest.mark.parametrize(
    ("reference", "number"), [("pets", 2), ("pets@champion", 2), ("pets:3", 3)]
)
def test_a_reference_is_resolved(
    graft: Graft, service: Service, reference: str, number: int
) -> None:
    service.answer("GET", "/models/pets", as_json(model()))
    service.answer("GET", "/models/pets/versions/2", as_json(version(2)))
    service.answer("GET", VERSION, as_json(version()))
    assert graft.models.version(reference).version == number


def test_a_reference_without_a_version_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", "/models/pets", as_json(model(newest_version=None, aliases={})))
    with pytest.raises(GraftError, match="no alias 'next'; it has none"):
        graft.models.version("pets@next")
    with pytest.raises(GraftError, match="has no versions"):
        graft.models.version("pets")


def test_models_are_listed_and_their_versions_can_act(graft: Graft, service: Service) -> None:
    service.answer("GET", "/models", page(model()))
    service.answer("GET", "/models/pets", as_json(model()))
    service.answer("DELETE", "/models/pets/versions/2", Answer(b"", 204))
    (listed,) = graft.models.list()
    newest, older = listed.details().versions
    assert (newest.version, older.version) == (3, 2)
    older.delete()
    service.answer("PUT", "/models/pets/metadata", as_json(model(metadata={"team": "ants"})))
    assert listed.set_metadata({"team": "ants"}).metadata == {"team": "ants"}


def test_a_shadow_is_set_beside_the_serving_model(graft: Graft, service: Service) -> None:
    service.answer("GET", "/serving", as_json(CHOSEN))
    service.answer("PUT", "/serving", as_json(CHOSEN))
    graft.shadow("pets:4", fraction=0.5)
    assert sent(service) == {"model": "pets", "shadow": {"model": "pets:4", "fraction": 0.5}}
    graft.shadow(None)
    assert sent(service) == {"model": "pets", "shadow": None}
    assert graft.use(graft.model("pets")).resolved.version == 3
    assert sent(service) == {"model": "pets"}
