"""The route of the overview."""

from typing import Any

from fastapi.testclient import TestClient

from app.db.session import Database
from app.jobs import lifecycle
from app.storage import LocalStorage
from tests.datasets import add_dataset
from tests.models import register_model

PAIR = [{"name": "a"}, {"name": "b", "epochs": 3}]


def read(client: TestClient) -> dict[str, Any]:
    answer = client.get("/overview")
    assert answer.status_code == 200, answer.text
    overview: dict[str, Any] = answer.json()
    return overview


def post_job(client: TestClient, dataset_id: str) -> str:
    answer = client.post("/jobs", json={"dataset_id": dataset_id, "weights": "none"})
    return str(answer.json()["id"])


def test_everything_is_counted(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    assert read(client)["serving"] is None
    dataset_id = add_dataset(database)
    running, failed, _, cancelled = [post_job(client, dataset_id) for _ in range(4)]
    with database.transaction() as session:
        for job_id in (running, failed):
            lifecycle.begin_attempt(session, job_id, 1)
        lifecycle.fail_job(session, failed, "DIVERGED", "The loss was no longer finite.")
    client.post(f"/jobs/{cancelled}/cancel")
    for seed in range(2):
        register_model(database, storage, seed=seed)
    study = {"dataset_id": dataset_id, "base": {"weights": "none"}, "configurations": PAIR}
    ended = client.post("/studies", json=study).json()["id"]
    client.post(f"/studies/{ended}/cancel")
    client.post("/studies", json=study)
    client.post("/predictions", json={"dataset_id": dataset_id})
    overview = read(client)
    (finding,) = overview.pop("attention")
    assert overview == {
        "datasets": {"total": 1, "ingesting": 0, "ready": 1, "invalid": 0, "num_images": 24},
        "jobs": {
            "total": 8,
            "queued": 3,
            "running": 1,
            "cancelling": 0,
            "succeeded": 0,
            "failed": 1,
            "cancelled": 3,
        },
        "models": {"total": 1, "versions": 2},
        "studies": {"total": 2, "running": 1},
        "predictions": {"total": 1, "queued": 1, "running": 0},
        "serving": {
            "model": "ants-and-bees:1",
            "resolved": {"name": "ants-and-bees", "version": 1},
        },
    }
    assert finding.pop("created_at").endswith("Z")
    assert finding == {
        "kind": "job_failed",
        "subject": failed,
        "title": "colors",
        "detail": "The loss was no longer finite.",
    }
