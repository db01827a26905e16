"""Filters and search boxes of the lists."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.db.session import Database
from app.db.tables import Dataset, Job
from app.jobs import service as jobs
from tests.datasets import add_dataset
from tests.evaluations import register_versions
from tests.models import register_file

PAIR = [{"name": "a"}, {"name": "b", "epochs": 3}]


def find(client: TestClient, path: str, **query: Any) -> list[str]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [one.get("id") or one["name"] for one in answer.json()["data"]]


@pytest.fixture
def dataset_id(database: Database) -> str:
    return add_dataset(database)


def post_job(client: TestClient, dataset_id: str, model_name: str) -> str:
    body = {"dataset_id": dataset_id, "weights": "none", "model_name": model_name}
    return str(client.post("/jobs", json=body).json()["id"])


def test_jobs_are_found_by_model_name_and_id(client: TestClient, dataset_id: str) -> None:
    names = ("red-ants", "bees_1", "bees-1")
    red_ants, bees, other_bees = (post_job(client, dataset_id, name) for name in names)
    assert find(client, "/jobs", q="ant") == [red_ants]
    assert find(client, "/jobs", q=" ANT ") == [red_ants]
    assert find(client, "/jobs", q="bees_") == [bees]  # no wildcard
    assert find(client, "/jobs", q="%") == []
    assert find(client, "/jobs", q=bees) == find(client, "/jobs", q=bees.upper()) == [bees]
    assert find(client, "/jobs", q=bees[1:]) == []
    assert find(client, "/jobs", q="") == [other_bees, bees, red_ants]
    assert find(client, "/jobs", q="bees", limit=1) == [other_bees]
    assert find(client, "/jobs", q="bees", after=other_bees) == [bees]
    assert find(client, "/jobs", model_name="bees-1") == [other_bees]
    assert find(client, "/jobs", model_name="bees") == []


def test_jobs_in_several_states_are_found(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    queued, cancelled, failed = (post_job(client, dataset_id, "ants") for _ in range(3))
    client.post(f"/jobs/{cancelled}/cancel")
    with database.transaction() as session:
        jobs.change_status(session, session.get_one(Job, failed), "failed")
    assert find(client, "/jobs", status="failed") == [failed]
    assert find(client, "/jobs", status=["failed", "cancelled"]) == [failed, cancelled]
    assert find(client, "/jobs", status=["queued", "running"], q="ants") == [queued]
    answer = client.get("/jobs", params={"status": ["failed", "broken"]})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["loc"]) == (422, ["query", "status", 1])
    assert "cancelling" in error["allowed"]


def test_datasets_are_found_by_name_id_and_state(client: TestClient, database: Database) -> None:
    colors, shapes = add_dataset(database), add_dataset(database, "invalid")
    with database.transaction() as session:
        progress = {"stage": "done", "done": 1, "total": 1}
        session.execute(update(Dataset).values(splits={}, progress=progress))
        session.execute(update(Dataset).where(Dataset.id == shapes).values(name="shapes"))
    assert find(client, "/datasets", q="COL") == [colors]
    assert find(client, "/datasets", q=shapes) == [shapes]
    assert find(client, "/datasets", status="ready") == [colors]
    assert find(client, "/datasets", status=["ready", "invalid"]) == [shapes, colors]
    assert find(client, "/datasets", status="ready", q="shapes") == []
    assert client.get("/datasets", params={"status": "new"}).status_code == 422


def test_studies_are_found_by_name_and_id(client: TestClient, dataset_id: str) -> None:
    study = {"dataset_id": dataset_id, "base": {"weights": "none"}, "configurations": PAIR}
    first, second = (
        client.post("/studies", json=study | {"name": name}).json()["id"]
        for name in ("rates", "batches")
    )
    assert find(client, "/studies", q="Rat") == [first]
    assert find(client, "/studies", q=second) == [second]
    assert find(client, "/studies", q="study_") == [second, first]


def test_models_are_found_by_name(client: TestClient, database: Database) -> None:
    for name in ("red-ants", "bees", "ants"):
        register_file(database, name)
    assert find(client, "/models", q="ANT") == ["ants", "red-ants"]
    assert find(client, "/models", q="ant", limit=1) == ["ants"]
    assert find(client, "/models", q="wasps") == []


def test_a_model_in_a_list_shows_its_newest_version_and_champion(
    client: TestClient, database: Database
) -> None:
    register_file(database, "chosen")
    register_versions(database, 3)
    client.put("/models/ants/aliases/champion", json={"version": 2})
    summary = client.get("/models", params={"q": "ants"}).json()["data"][0]
    assert summary["newest"].pop("created_at").endswith("Z")
    assert summary["newest"] == {
        "version": 3,
        "val_accuracy": 0.5,
        "val_balanced_accuracy": 0.4,
        "architecture": "squeezenet1_0",
        "num_classes": 3,
    }
    assert (summary["newest_version"], summary["champion"]) == (3, 2)
    assert client.get("/models/ants").json()["champion"] == 2
    for path in (
        "/models/ants/aliases/champion",
        *(f"/models/ants/versions/{n}" for n in (1, 2, 3)),
    ):
        assert client.delete(path).status_code == 204
    summary = client.get("/models", params={"q": "ants"}).json()["data"][0]
    assert (summary["newest"], summary["newest_version"], summary["champion"]) == (None, None, None)


@pytest.mark.parametrize("path", ["/jobs", "/datasets", "/studies", "/models"])
def test_a_text_that_no_name_can_have_is_refused(client: TestClient, path: str) -> None:
    for text in ("a\x00b", "a" * 64):
        answer = client.get(path, params={"q": text})
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "q"])
