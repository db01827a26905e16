"""The job routes, without a worker."""

import csv
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import insert

from app.db.session import Database
from app.db.tables import Epoch, Job
from app.tasks import service as work
from tests.contract.trainer import Trainer
from tests.datasets import add_dataset


@pytest.fixture
def dataset_id(database: Database) -> str:
    """The id of a ready dataset."""
    return add_dataset(database)


def post(client: TestClient, headers: dict[str, str] | None = None, **fields: Any) -> Response:
    return client.post("/jobs", json={"weights": "none"} | fields, headers=headers)


def test_a_job_is_created_with_its_full_configuration(client: TestClient, dataset_id: str) -> None:
    answer = post(client, dataset_id=dataset_id, metadata={"team": "ants"})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert (job["status"], job["attempts"], job["is_terminal"]) == ("queued", 0, False)
    assert job["config"]["optimizer"]["name"] == "adamw"
    assert job["config"]["model_name"] == "colors"
    assert job["metadata"] == {"team": "ants"}
    assert job["created_at"].endswith("Z")
    assert job["progress"] == {
        "stage": "queued",
        "epoch": 0,
        "epochs": job["config"]["epochs"],
        "step": 0,
        "steps": 0,
        "images_per_second": None,
        "eta_seconds": None,
        "budget_used_seconds": None,
    }
    assert client.get(f"/jobs/{job['id']}").json() == job


def test_the_same_key_returns_the_same_job(client: TestClient, dataset_id: str) -> None:
    key = {"Idempotency-Key": "once"}
    first = post(client, key, dataset_id=dataset_id)
    again = post(client, key, dataset_id=dataset_id)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    other = post(client, key, dataset_id=dataset_id, epochs=3)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert len(client.get("/jobs").json()["data"]) == 1


def test_a_clone_has_the_configuration_of_its_job(client: TestClient, dataset_id: str) -> None:
    """Also if the preset has other values now."""
    fields: dict[str, Any] = {
        "architecture": "squeezenet1_0",
        "seed": 7,
        "num_threads": 3,
        "optimizer": {"name": "rmsprop", "momentum": 0.5},
        "mixing": {"name": "cutmix"},
        "ema": {"decay": 0.5},
        "model_name": "first",
    }
    job = post(client, dataset_id=dataset_id, **fields).json()
    answer = client.post("/jobs", json={"clone_of": job["id"], "metadata": {"again": "yes"}})
    assert answer.status_code == 202
    clone = answer.json()
    assert clone["id"] != job["id"]
    assert clone["config"] == job["config"]
    assert (clone["dataset_id"], clone["status"]) == (dataset_id, "queued")
    assert clone["metadata"] == {"again": "yes"}
    assert clone["progress"] == job["progress"]
    renamed = client.post("/jobs", json={"clone_of": clone["id"], "model_name": "second"}).json()
    assert renamed["config"] == job["config"] | {"model_name": "second"}


def test_a_clone_accepts_only_a_name_and_metadata(client: TestClient, dataset_id: str) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    for body in ({"clone_of": job_id, "epochs": 3}, {"clone_of": job_id, "seed": 1}, {}):
        answer = client.post("/jobs", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    assert client.post("/jobs", json={"clone_of": "job_x"}).json()["code"] == "NOT_FOUND"
    assert len(client.get("/jobs").json()["data"]) == 1


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        ({"epochs": 0}, "epochs", ">= 1"),
        ({"epochs": 10**9}, "epochs", "<= 10000"),
        ({"epochs": "many"}, "epochs", None),
        ({"architecture": "resnet999"}, "architecture", "resnet18"),
        ({"learning_rate": 0.1}, "learning_rate", None),
        ({"strategy": "guess"}, "strategy", "fine_tune"),
        ({"optimizer": {"name": "lion"}}, "name", "adamw"),
        ({"optimizer": {"name": "adamw", "momentum": 0.9}}, "momentum", "weight_decay"),
        ({"model_name": "Ants & Bees"}, "model_name", None),
        ({"model_name": "imagenet"}, "model_name", None),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata", None),
        ({"weights": "name:x:y"}, "weights", None),
        ({"batch_norm": "eval"}, "batch_norm", "train"),
        ({"cached_views": 2}, "cached_views", "null"),
        ({"precision": "int8"}, "precision", "bf16"),
        ({"mixing": {"name": "cutout"}}, "mixing", None),
    ],
)
def test_an_invalid_field_is_reported_with_the_allowed_values(
    client: TestClient,
    dataset_id: str,
    fields: dict[str, Any],
    field: str,
    allowed: str | None,
) -> None:
    answer = post(client, dataset_id=dataset_id, **fields)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "VALIDATION"
    errors = {error["loc"][-1]: error.get("allowed") for error in problem["errors"]}
    assert field in errors
    if allowed:
        assert allowed in errors[field]
    assert client.get("/jobs").json()["data"] == []


def test_unavailable_weights_are_an_error_that_says_what_to_do(
    client: TestClient, dataset_id: str
) -> None:
    answer = post(client, dataset_id=dataset_id, weights="imagenet")
    assert (answer.status_code, answer.json()["code"]) == (422, "WEIGHTS_UNAVAILABLE")
    assert "GRAFT_WEIGHTS_DIR" in answer.json()["detail"]


def test_an_unknown_dataset_or_model_is_not_found(client: TestClient, dataset_id: str) -> None:
    assert post(client, dataset_id="ds_unknown").json()["code"] == "NOT_FOUND"
    assert post(client, dataset_id=dataset_id, weights="nobody:3").status_code == 404


def test_an_invalid_dataset_is_rejected(client: TestClient, database: Database) -> None:
    answer = post(client, dataset_id=add_dataset(database, "invalid"))
    assert (answer.status_code, answer.json()["code"]) == (409, "DATASET_INVALID")


def test_a_job_waits_for_a_dataset_that_is_being_ingested(
    client: TestClient, database: Database
) -> None:
    dataset_id = add_dataset(database, "ingesting")
    with database.transaction() as session:
        work.enqueue(session, queue="cpu", kind="ingest", subject_id=dataset_id)
    assert post(client, dataset_id=dataset_id).status_code == 202
    with database.transaction() as session:
        assert work.claim(session, "train", "me") is None


def test_jobs_are_listed_newest_first_in_pages(client: TestClient, dataset_id: str) -> None:
    ids = [post(client, dataset_id=dataset_id).json()["id"] for _ in range(3)]
    page = client.get("/jobs", params={"limit": 2}).json()
    assert [job["id"] for job in page["data"]] == [ids[2], ids[1]]
    assert (page["object"], page["has_more"]) == ("list", True)
    rest = client.get("/jobs", params={"limit": 2, "after": page["last_id"]}).json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([ids[0]], False)


def test_jobs_are_filtered_by_status_dataset_and_metadata(
    client: TestClient, dataset_id: str
) -> None:
    ants = post(client, dataset_id=dataset_id, metadata={"team": "ants"}).json()["id"]
    bees = post(client, dataset_id=dataset_id, metadata={"team": "bees"}).json()["id"]
    client.post(f"/jobs/{bees}/cancel")

    def find(**filters: str) -> list[str]:
        return [job["id"] for job in client.get("/jobs", params=filters).json()["data"]]

    assert find(**{"metadata.team": "ants"}) == [ants]
    assert find(status="cancelled") == [bees]
    assert find(dataset_id=dataset_id) == [bees, ants]
    assert find(dataset_id="ds_other") == []


def test_cancel_and_stop_end_a_queued_job_at_once(client: TestClient, dataset_id: str) -> None:
    for verb in ("cancel", "stop"):
        job_id = post(client, dataset_id=dataset_id).json()["id"]
        answer = client.post(f"/jobs/{job_id}/{verb}")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
        again = client.post(f"/jobs/{job_id}/{verb}")
        assert (again.status_code, again.json()["code"]) == (409, "ILLEGAL_TRANSITION")


def test_only_finished_jobs_can_be_deleted(client: TestClient, dataset_id: str) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    assert client.delete(f"/jobs/{job_id}").json()["code"] == "ILLEGAL_TRANSITION"
    client.post(f"/jobs/{job_id}/cancel")
    assert client.delete(f"/jobs/{job_id}").status_code == 204
    assert client.get(f"/jobs/{job_id}").status_code == 404


def test_resume_queues_a_cancelled_job_again(client: TestClient, dataset_id: str) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    assert client.post(f"/jobs/{job_id}/resume").status_code == 409
    client.post(f"/jobs/{job_id}/cancel")
    assert client.post(f"/jobs/{job_id}/resume").json()["status"] == "queued"
    events = client.get(f"/jobs/{job_id}/events").json()["data"]
    assert [event["type"] for event in events] == ["queued", "cancelled", "resumed"]
    assert [event["event_number"] for event in events] == [1, 2, 3]


def test_validate_resolves_the_configuration_and_creates_no_job(
    client: TestClient, dataset_id: str
) -> None:
    body = {"dataset_id": dataset_id, "weights": "none", "architecture": "squeezenet1_0"}
    response = client.post("/jobs/validate", json=body)
    assert response.status_code == 202  # no worker has run the batch
    answer = response.json()
    assert (answer["is_valid"], answer["problems"]) == (True, [])
    assert answer["num_trainable_parameters"] == answer["num_parameters"] == 736450
    assert answer["memory"]["optimizer_bytes"] == 2 * answer["memory"]["gradient_bytes"]
    assert answer["estimated_seconds"] is None
    assert client.get("/jobs").json()["data"] == []


def test_validate_lists_the_problems_of_a_request(client: TestClient, dataset_id: str) -> None:
    body = {"dataset_id": dataset_id, "strategy": "partial", "trainable_from": "nowhere"}
    response = client.post("/jobs/validate", json=body)
    assert response.status_code == 200
    answer = response.json()
    assert not answer["is_valid"]
    assert {problem["code"] for problem in answer["problems"]} == {"VALIDATION"}
    missing = client.post("/jobs/validate", json={"dataset_id": dataset_id}).json()
    assert [problem["code"] for problem in missing["problems"]] == ["WEIGHTS_UNAVAILABLE"]


def test_the_history_of_a_queued_job_is_empty(client: TestClient, dataset_id: str) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    empty = {"job_id": job_id, "num_epochs": 0, "data": []}
    assert client.get(f"/jobs/{job_id}/history").json() == empty
    assert client.get(f"/jobs/{job_id}/history", params={"points": 2}).json() == empty
    image = client.get(f"/jobs/{job_id}/history.png", params={"compare": [job_id]})
    assert image.headers["content-type"] == "image/png"
    assert image.content.startswith(b"\x89PNG")
    assert client.get(f"/jobs/{job_id}/checkpoints").json()["data"] == []
    unknown = client.get(f"/jobs/{job_id}/history.png", params={"compare": ["job_x"]})
    assert unknown.status_code == 404


def add_epochs(database: Database, job_id: str, losses: Sequence[float], *, best: int) -> None:
    with database.transaction() as session:
        session.get_one(Job, job_id).best_epoch = best
        session.execute(
            insert(Epoch),
            [
                {
                    "job_id": job_id,
                    "epoch": epoch,
                    "train_loss": loss,
                    "train_accuracy": 0.5,
                    "val_loss": loss,
                    "val_accuracy": 0.5,
                    "learning_rate": 0.1,
                    "seconds": 1.0,
                    "images_per_second": 10.0,
                }
                for epoch, loss in enumerate(losses, 1)
            ],
        )


def test_a_history_is_thinned_only_on_request(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    losses = [1 / epoch for epoch in range(1, 5001)]
    losses[2500] = 7.0  # a peak between smooth neighbours
    add_epochs(database, job_id, losses, best=4321)
    path = f"/jobs/{job_id}/history"
    whole = client.get(path).json()
    assert (whole["num_epochs"], len(whole["data"])) == (5000, 5000)
    thinned = client.get(path, params={"points": 50}).json()
    assert thinned["num_epochs"] == 5000
    rows = thinned["data"]
    assert 40 <= len(rows) <= 50
    by_epoch = {row["epoch"]: row for row in whole["data"]}
    assert rows == [by_epoch[row["epoch"]] for row in rows]
    assert {1, 2501, 4321, 5000} <= {row["epoch"] for row in rows}
    assert [row["epoch"] for row in rows if row["is_best"]] == [4321]
    lines = client.get(path, params={"points": 50, "format": "csv"}).text.splitlines()
    assert len(lines) == len(rows) + 1


def test_the_balanced_accuracy_stands_beside_the_accuracy(
    client: TestClient, trainer: Trainer, dataset_id: str
) -> None:
    job_id = trainer.train(dataset_id, None)
    expected = (0.75, 0.7)
    job = client.get(f"/jobs/{job_id}").json()
    history = f"/jobs/{job_id}/history"
    (row,) = client.get(history).json()["data"]
    (thinned,) = client.get(history, params={"points": 2}).json()["data"]
    (line,) = csv.DictReader(client.get(history, params={"format": "csv"}).text.splitlines())
    events = client.get(f"/jobs/{job_id}/events").json()["data"]
    (epoch,) = (event["payload"] for event in events if event["type"] == "epoch")
    (version,) = client.get(f"/models/{job['model']['name']}").json()["versions"]
    (model,) = client.get("/models").json()["data"]
    for one in (job["best"], row, thinned, line, epoch, version, model["newest"]):
        found = float(one["val_accuracy"]), float(one["val_balanced_accuracy"])
        assert found == expected


def test_an_epoch_of_an_earlier_version_has_no_balanced_accuracy(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    add_epochs(database, job_id, [0.5], best=1)
    (row,) = client.get(f"/jobs/{job_id}/history").json()["data"]
    best = client.get(f"/jobs/{job_id}").json()["best"]
    assert (row["val_balanced_accuracy"], best["val_balanced_accuracy"]) == (None, None)


@pytest.mark.parametrize("points", [0, 1, 2001, "many"])
def test_a_history_of_too_few_or_too_many_points_is_refused(
    client: TestClient, dataset_id: str, points: object
) -> None:
    job_id = post(client, dataset_id=dataset_id).json()["id"]
    answer = client.get(f"/jobs/{job_id}/history", params={"points": str(points)})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "points"])


def test_an_unknown_job_has_no_stream(client: TestClient) -> None:
    answer = client.get("/jobs/job_unknown/events/stream")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
