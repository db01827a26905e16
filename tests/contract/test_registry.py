from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.storage import LocalStorage
from tests.models import register_file, register_model


@pytest.fixture(autouse=True)
def registered(database: Database, storage: LocalStorage) -> None:
    """Register three versions of one model, after one of another, which is chosen as the first."""
    register_model(database, storage, "first")
    for seed in range(3):
        register_model(database, storage, "ants-and-bees", seed=seed)


def problem_of(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_version_has_its_origin_and_classes(client: TestClient) -> None:
    version = client.get("/models/ants-and-bees/versions/2").json()
    assert version.pop("created_at").endswith("Z")
    assert len(version.pop("digest")) == 64
    assert version.pop("num_bytes") > 1_000_000
    assert version == {
        "name": "ants-and-bees",
        "version": 2,
        "aliases": [],
        "job_id": "job_0",
        "architecture": "squeezenet1_0",
        "class_names": ["ants", "bees", "wasps"],
        "input_size": 48,
        "val_accuracy": 0.5,
        "val_balanced_accuracy": 0.4,
        "calibration": None,
        "dataset_digest": None,
        "quantized_from": None,
    }


def test_a_version_has_its_calibration(client: TestClient, database: Database) -> None:
    number = register_file(database, "ants-and-bees", trust_key="jobs/job_0/1/trust.safetensors")
    version = client.get(f"/models/ants-and-bees/versions/{number}").json()
    assert version["calibration"] == {"temperature": 2.0, "num_images": 100}


def test_a_model_has_its_versions_newest_first_and_its_aliases(client: TestClient) -> None:
    client.put("/models/ants-and-bees/aliases/champion", json={"version": 2})
    model = client.get("/models/ants-and-bees").json()
    assert model["newest_version"] == 3
    assert model["aliases"] == {"champion": 2}
    assert model["metadata"] == {}
    assert [(v["version"], v["aliases"]) for v in model["versions"]] == [
        (3, []),
        (2, ["champion"]),
        (1, []),
    ]


def test_a_models_metadata_is_replaced_as_a_whole(client: TestClient) -> None:
    path = "/models/ants-and-bees/metadata"
    assert client.put(path, json={"team": "ants", "site": "garden"}).status_code == 200
    put = client.put(path, json={"team": "bees"})
    assert put.json()["metadata"] == {"team": "bees"}
    assert put.json() == client.get("/models/ants-and-bees").json()
    client.put(path, json={"team": "bees"})
    newest, before = client.get("/models/ants-and-bees/events").json()["data"][:2]
    assert newest["type"] == before["type"] == "metadata_set"
    assert newest["payload"] == {
        "metadata": {"team": "bees"},
        "before": {"team": "ants", "site": "garden"},
    }
    assert before["payload"]["before"] == {}


@pytest.mark.parametrize("metadata", [{"a": 1}, {"a" * 65: "x"}, {"a": "x" * 513}, ["a"]])
def test_invalid_metadata_is_refused(client: TestClient, metadata: object) -> None:
    refused = client.put("/models/ants-and-bees/metadata", json=metadata)
    assert problem_of(refused) == (422, "VALIDATION")
    assert client.get("/models/ants-and-bees").json()["metadata"] == {}


def test_metadata_of_an_unknown_model_is_refused(client: TestClient) -> None:
    assert problem_of(client.put("/models/unknown/metadata", json={})) == (404, "NOT_FOUND")


def test_models_are_listed_by_name_in_pages(client: TestClient) -> None:
    first = client.get("/models", params={"limit": 1}).json()
    assert (first["object"], first["has_more"]) == ("list", True)
    second = client.get("/models", params={"limit": 1, "after": first["last_id"]}).json()
    assert [m["name"] for m in first["data"] + second["data"]] == ["ants-and-bees", "first"]
    assert second["has_more"] is False


def test_an_alias_is_created_changed_and_deleted(client: TestClient) -> None:
    path = "/models/ants-and-bees/aliases/live"
    for version in (3, 1):
        put = client.put(path, json={"version": version})
        assert put.status_code == 200
        assert put.json()["version"] == version
        assert client.get("/models/ants-and-bees").json()["aliases"] == {"live": version}
    assert client.delete(path).status_code == 204
    assert problem_of(client.delete(path)) == (404, "NOT_FOUND")


def test_a_version_is_deleted_once_nothing_refers_to_it(client: TestClient) -> None:
    version, alias = "/models/ants-and-bees/versions/2", "/models/ants-and-bees/aliases/live"
    client.put(alias, json={"version": 2})
    assert problem_of(client.delete(version)) == (409, "IN_USE")
    client.delete(alias)
    assert client.delete(version).status_code == 204
    assert problem_of(client.get(version)) == (404, "NOT_FOUND")


def test_the_first_model_is_chosen_until_another_is(client: TestClient) -> None:
    chosen = client.get("/serving").json()
    assert chosen["model"] == "first:1"
    assert chosen["resolved"] == {"name": "first", "version": 1}
    put = client.put("/serving", json={"model": "ants-and-bees"})
    assert put.status_code == 200
    assert put.json()["resolved"] == {"name": "ants-and-bees", "version": 3}
    client.put("/models/ants-and-bees/aliases/champion", json={"version": 1})
    chosen = client.get("/serving").json()
    assert chosen["model"] == "ants-and-bees"
    assert chosen["resolved"] == {"name": "ants-and-bees", "version": 1}
    assert problem_of(client.delete("/models/ants-and-bees/versions/1")) == (409, "IN_USE")


def test_a_later_version_is_served_only_once_it_is_chosen(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage, "first", seed=1)
    assert client.get("/serving").json()["resolved"] == {"name": "first", "version": 1}
    client.put("/models/first/aliases/champion", json={"version": 2})
    assert client.get("/serving").json()["resolved"] == {"name": "first", "version": 1}
    put = client.put("/serving", json={"model": "first"})
    assert put.json()["resolved"] == {"name": "first", "version": 2}


def test_a_version_with_other_classes_is_logged(client: TestClient, database: Database) -> None:
    name = "ants-and-bees"
    register_file(database, name)
    register_file(database, name, class_names=("ants", "flies", "wasps"))
    register_file(database, name, class_names=("ants", "flies", "wasps"))
    register_file(database, name, class_names=("flies", "ants", "wasps"))
    events = client.get(f"/models/{name}/events").json()["data"]
    changes = [
        (event["from_version"], event["version"], event["payload"])
        for event in events
        if event["type"] == "classes_changed"
    ]
    assert changes == [
        (6, 7, {"added": [], "removed": []}),
        (4, 5, {"added": ["flies"], "removed": ["bees"]}),
    ]
    assert [event["type"] for event in events[-3:]] == ["registered"] * 3


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("GET", "/models/unknown", None, (404, "NOT_FOUND")),
        ("GET", "/models/ants-and-bees/versions/4", None, (404, "NOT_FOUND")),
        ("GET", "/models/ants-and-bees/versions/0", None, (422, "VALIDATION")),
        ("GET", "/models/ants-and-bees/versions/99999999999", None, (422, "VALIDATION")),
        ("GET", "/models/ants%00", None, (404, "NOT_FOUND")),
        ("DELETE", "/models/unknown/versions/1", None, (404, "NOT_FOUND")),
        ("PUT", "/models/ants-and-bees/aliases/live", {"version": 4}, (404, "NOT_FOUND")),
        ("PUT", "/models/unknown/aliases/live", {"version": 1}, (404, "NOT_FOUND")),
        ("PUT", "/models/ants-and-bees/aliases/1st", {"version": 1}, (422, "VALIDATION")),
        ("PUT", "/models/ants-and-bees/aliases/live", {"version": "x"}, (422, "VALIDATION")),
        ("PUT", "/models/ants-and-bees/aliases/live", {}, (422, "VALIDATION")),
        ("PUT", "/serving", {"model": "unknown"}, (404, "NOT_FOUND")),
        ("PUT", "/serving", {"model": "ants-and-bees@live"}, (404, "NOT_FOUND")),
        ("PUT", "/serving", {"model": "imagenet"}, (422, "VALIDATION")),
        ("PUT", "/serving", {"model": "Ants"}, (422, "VALIDATION")),
        ("PUT", "/serving", {"model": "ants-and-bees:0"}, (422, "VALIDATION")),
    ],
)
def test_invalid_requests_are_refused_without_changes(
    client: TestClient,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    problem: tuple[int, str],
) -> None:
    before = [client.get(seen).json() for seen in ("/models/ants-and-bees", "/serving")]
    assert problem_of(client.request(method, path, json=body)) == problem
    assert [client.get(seen).json() for seen in ("/models/ants-and-bees", "/serving")] == before


def test_the_error_of_an_invalid_reference_explains_references(client: TestClient) -> None:
    answer = client.put("/serving", json={"model": "ants-and-bees@1st"}).json()
    (error,) = answer["errors"]
    assert error["loc"] == ["body", "model"]
    assert "alias" in error["message"]
    assert error["allowed"] == ["name", "name@alias", "name:version"]
