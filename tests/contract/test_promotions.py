"""Promotion gates, the event log and rollbacks."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.db.session import Database
from tests.contract.datasets import problem
from tests.evaluations import add_labelled_dataset, finish_evaluations, register_versions
from tests.models import register_file

CHAMPION, GATE = "/models/ants/aliases/champion", "/models/ants/gate"
TARGETS = [0] * 20 + [1] * 20
GOOD = TARGETS
WORSE = [1] * 6 + TARGETS[6:]
LITTLE_WORSE = [1, *TARGETS[1:]]


@pytest.fixture
def dataset_id(database: Database) -> str:
    """Register three versions of a model that is not chosen, and a dataset to compare them on."""
    register_file(database, "chosen")
    register_versions(database, 3)
    return add_labelled_dataset(database)


def promote(client: TestClient, version: int, **fields: Any) -> Response:
    return client.put(CHAMPION, json={"version": version} | fields)


def champion(client: TestClient) -> int | None:
    aliases: dict[str, int] = client.get("/models/ants").json()["aliases"]
    return aliases.get("champion")


def events(client: TestClient, name: str = "ants", **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/models/{name}/events", params=query).json()["data"]
    return found


def types(client: TestClient, name: str = "ants") -> list[str]:
    return [event["type"] for event in events(client, name)]


def set_gate(client: TestClient, dataset_id: str, **fields: Any) -> Response:
    return client.put(GATE, json={"dataset_id": dataset_id} | fields)


def test_a_gate_is_set_read_and_deleted(client: TestClient, dataset_id: str) -> None:
    assert problem(client.get(GATE)) == (404, "NOT_FOUND")
    gate = set_gate(client, dataset_id)
    assert gate.status_code == 200
    assert gate.json() == {
        "dataset_id": dataset_id,
        "dataset_digest": "d" * 64,
        "split": "test",
        "max_class_drop": 0.05,
        "significance": 0.05,
        "require": "not_worse",
    }
    assert set_gate(client, dataset_id).json() == client.get(GATE).json() == gate.json()
    assert client.delete(GATE).status_code == 204
    assert problem(client.delete(GATE)) == (404, "NOT_FOUND")
    assert types(client)[:2] == ["gate_removed", "gate_set"]
    assert types(client).count("gate_set") == 1


def test_an_unusable_gate_is_refused(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    other = add_labelled_dataset(database, class_names=["ants", "hornets"])
    checking = add_labelled_dataset(database, status="ingesting")
    assert problem(set_gate(client, other)) == (422, "VALIDATION")
    assert problem(set_gate(client, checking)) == (409, "CONFLICT")
    assert problem(set_gate(client, "ds_unknown")) == (404, "NOT_FOUND")
    assert problem(set_gate(client, dataset_id, significance=0)) == (422, "VALIDATION")
    assert problem(set_gate(client, dataset_id, require="best")) == (422, "VALIDATION")
    refused = client.put("/models/unknown/gate", json={"dataset_id": dataset_id})
    assert problem(refused) == (404, "NOT_FOUND")


def test_the_first_champion_is_only_evaluated(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    set_gate(client, dataset_id)
    asked = promote(client, 1)
    assert asked.status_code == 202
    assert (
        asked.headers["location"] == f"/models/ants/versions/1/evaluations/{dataset_id}?split=test"
    )
    assert champion(client) is None
    assert finish_evaluations(database, TARGETS, {1: WORSE}) == 1
    promoted = promote(client, 1)
    assert promoted.status_code == 200
    verdict = promoted.json()["gate"]
    assert (verdict["passed"], verdict["champion_version"], verdict["p_value"]) == (
        True,
        None,
        None,
    )
    assert (verdict["candidate_accuracy"], verdict["num_images"]) == (34 / 40, 40)
    assert events(client)[0]["payload"]["verdict"] == verdict


def promote_both(
    client: TestClient, database: Database, predicted: dict[int, list[int]]
) -> Response:
    """Promote version 1, then finish the evaluations for version 2 and promote it."""
    assert promote(client, 1, force=True, reason="the first").status_code == 200
    assert promote(client, 2).status_code == 202
    assert finish_evaluations(database, TARGETS, predicted) == 2
    return promote(client, 2)


def test_a_candidate_that_is_no_worse_is_promoted(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    set_gate(client, dataset_id)
    promoted = promote_both(client, database, {1: GOOD, 2: LITTLE_WORSE})
    assert promoted.status_code == 200
    verdict = promoted.json()["gate"]
    assert (verdict["only_champion_right"], verdict["only_candidate_right"]) == (1, 0)
    assert (verdict["p_value"], verdict["champion_version"]) == (1.0, 1)
    assert verdict["class_drops"][0]["class_name"] == "ants"
    assert verdict["warnings"] == ["These classes have no images and were not compared: wasps."]
    assert champion(client) == 2


@pytest.mark.parametrize(
    ("rule", "candidate", "words"),
    [
        (
            {"max_class_drop": 1},
            WORSE,
            ["only the champion is right on 6", "p = 0.0312", "significantly worse"],
        ),
        ({"require": "better"}, LITTLE_WORSE, ["not significantly better"]),
        ({"max_class_drop": 0.04}, LITTLE_WORSE, ["'ants' falls from 1.000 to 0.950, by 0.050"]),
    ],
    ids=["worse", "not better", "class"],
)
def test_a_refusal_has_reasons_with_figures(
    client: TestClient,
    database: Database,
    dataset_id: str,
    rule: dict[str, Any],
    candidate: list[int],
    words: list[str],
) -> None:
    set_gate(client, dataset_id, **rule)
    refused = promote_both(client, database, {1: GOOD, 2: candidate})
    assert problem(refused) == (409, "GATE_FAILED")
    assert [word in refused.json()["detail"] for word in words] == [True] * len(words)
    assert champion(client) == 1
    logged = events(client)[0]
    assert (logged["type"], logged["version"], logged["from_version"]) == (
        "promotion_refused",
        2,
        1,
    )
    assert logged["payload"]["verdict"]["reasons"][0] in refused.json()["detail"]
    forced = promote(client, 2, force=True, reason="the test images are stale")
    assert (forced.status_code, champion(client)) == (200, 2)
    event = events(client)[0]
    assert (event["type"], event["version"], event["from_version"]) == ("forced", 2, 1)
    assert event["payload"]["reason"] == "the test images are stale"


def test_force_needs_a_reason(client: TestClient, dataset_id: str) -> None:
    set_gate(client, dataset_id)
    assert problem(promote(client, 1, force=True)) == (422, "VALIDATION")
    assert problem(promote(client, 1, force=True, reason="")) == (422, "VALIDATION")
    assert problem(promote(client, 1, force=True, reason="a\x00b")) == (422, "VALIDATION")
    assert champion(client) is None


def test_a_gate_without_its_dataset_refuses_every_version(
    client: TestClient, dataset_id: str
) -> None:
    set_gate(client, dataset_id)
    client.delete(f"/datasets/{dataset_id}")
    refused = promote(client, 1)
    assert problem(refused) == (409, "GATE_FAILED")
    assert "deleted" in refused.json()["detail"]
    assert promote(client, 1, force=True, reason="the images are gone").status_code == 200


def test_the_gate_applies_to_champion_only_and_cannot_be_bypassed(
    client: TestClient, dataset_id: str
) -> None:
    set_gate(client, dataset_id)
    assert client.put("/models/ants/aliases/live", json={"version": 3}).status_code == 200
    promote(client, 1, force=True, reason="the first")
    assert promote(client, 1).status_code == 200  # it is there already
    assert problem(client.delete(CHAMPION)) == (409, "IN_USE")
    client.delete(GATE)
    assert client.delete(CHAMPION).status_code == 204


def test_a_version_trained_on_the_images_is_promoted_with_a_warning(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    (version,) = register_versions(database, 1, dataset_digest="d" * 64)
    set_gate(client, dataset_id, split="train")
    promote(client, version)
    finish_evaluations(database, TARGETS, {version: GOOD})
    warnings = promote(client, version).json()["gate"]["warnings"]
    assert f"ants:{version} was trained on these images." in warnings


def test_a_second_rollback_undoes_the_first(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    back = f"{CHAMPION}/rollback"
    assert problem(client.post(back)) == (404, "NOT_FOUND")
    promote(client, 1)
    assert problem(client.post(back)) == (409, "CONFLICT")
    promote(client, 3)
    client.put("/models/ants/aliases/live", json={"version": 2})
    set_gate(client, dataset_id)
    for version in (1, 3, 1):
        answer = client.post(back)
        assert (answer.status_code, answer.json()["version"]) == (200, version)
        assert champion(client) == version
    event = events(client)[0]
    assert (event["type"], event["version"], event["from_version"]) == ("rolled_back", 1, 3)
    assert client.delete("/models/ants/versions/3").status_code == 204
    refused = client.post(back)
    assert problem(refused) == (409, "CONFLICT")
    assert "deleted" in refused.json()["detail"]
    assert finish_evaluations(database, TARGETS, {}) == 0


@pytest.mark.usefixtures("dataset_id")
def test_the_log_has_every_change_newest_first(client: TestClient) -> None:
    client.put("/models/ants/aliases/live", json={"version": 2, "reason": "try it"})
    client.delete("/models/ants/aliases/live")
    client.delete("/models/ants/versions/1")
    client.put("/serving", json={"model": "ants"})
    client.put("/serving", json={"model": "ants", "shadow": {"model": "chosen", "fraction": 0.5}})
    client.put("/serving", json={"model": "chosen", "shadow": None})
    assert types(client) == [
        *("unchosen", "chosen", "version_deleted", "alias_deleted", "alias_moved"),
        *("registered", "registered", "registered"),
    ]
    assert types(client, "chosen") == [
        *("shadow_removed", "chosen", "shadow_set", "unchosen", "chosen", "registered"),
    ]
    moved = events(client)[4]
    assert (moved["alias"], moved["version"], moved["from_version"]) == ("live", 2, None)
    assert moved["payload"] == {"reason": "try it"}
    assert moved["created_at"].endswith("Z")
    assert problem(client.get("/models/unknown/events")) == (404, "NOT_FOUND")


@pytest.mark.usefixtures("dataset_id")
def test_the_log_has_pages(client: TestClient) -> None:
    first = client.get("/models/ants/events", params={"limit": 2}).json()
    assert (len(first["data"]), first["has_more"]) == (2, True)
    second = client.get("/models/ants/events", params={"after": first["last_id"]}).json()
    assert [event["version"] for event in first["data"] + second["data"]] == [3, 2, 1]
    assert second["has_more"] is False


@pytest.mark.usefixtures("dataset_id")
def test_a_request_without_a_change_is_not_logged(client: TestClient) -> None:
    promote(client, 1)
    client.put("/serving", json={"model": "ants"})
    before = types(client)
    promote(client, 1)
    client.put("/serving", json={"model": "ants"})
    set_gate(client, "ds_unknown")
    promote(client, 99)
    assert types(client) == before


@pytest.mark.usefixtures("dataset_id")
def test_a_rollback_with_the_same_key_is_done_once(client: TestClient) -> None:
    promote(client, 1)
    promote(client, 3)
    headers = {"Idempotency-Key": "once"}
    first = client.post(f"{CHAMPION}/rollback", headers=headers)
    again = client.post(f"{CHAMPION}/rollback", headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    assert champion(client) == 1


def test_the_current_champion_can_be_set_again_without_the_dataset(
    client: TestClient, dataset_id: str
) -> None:
    promote(client, 1)
    set_gate(client, dataset_id)
    client.delete(f"/datasets/{dataset_id}")
    assert promote(client, 1).status_code == 200
    assert problem(promote(client, 99)) == (404, "NOT_FOUND")
