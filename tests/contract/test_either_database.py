"""Every route, and every filter of a list, on SQLite and on PostgreSQL.

`GRAFT_TEST_DATABASE=postgresql` runs the whole of the contract tests on PostgreSQL.
"""

import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.db.session import Database
from app.db.tables import WorkItem
from app.jobs.prediction_file import JobPredictions
from app.settings import Settings
from app.storage import LocalStorage
from tests.batches import run_next_batch
from tests.contract.conftest import Backend
from tests.contract.datasets import PHOTOGRAPHS
from tests.contract.trainer import Trainer
from tests.evaluations import add_labelled_dataset
from tests.images import draw_picture, encode
from tests.models import CLASS_NAMES, register_model
from tests.reports import make_predictions, make_report

PICTURE = encode(draw_picture())
NOT_CALLED = {
    "GET /auth/callback",  # tests/contract/test_sign_in.py has a provider
    "GET /auth/login",
    "PATCH /members/{member_id}",
    "POST /auth/logout",
    "POST /auth/session",
    "GET /datasets/{dataset_id}/advice",  # needs weights; tests/contract/test_analyses.py has them
    "GET /events/stream",  # endless; tests/contract/test_changes.py reads it
    "GET /jobs/validate/{analysis_id}",  # the same answer as of POST /jobs/validate
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Run each test on both databases."""
    backend: Backend = request.param
    return backend


class Story:
    """Sends requests, each of which must succeed as declared, and counts the routes."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        assert isinstance(client.app, FastAPI)
        self.operations: dict[str, dict[str, Any]] = {
            f"{method.upper()} {path}": operation
            for path, operations in client.app.openapi()["paths"].items()
            for method, operation in operations.items()
        }
        self.called: set[str] = set()

    def __call__(self, route: str, *values: object, **options: Any) -> Any:
        """Request a route with values for its path parameters, in order."""
        self.called.add(route)
        remaining = iter(values)
        method, _, path = re.sub(r"{\w+}", lambda _: str(next(remaining)), route).partition(" ")
        answer = self.client.request(method, path, **options)
        assert answer.status_code < 400, (route, answer.status_code, answer.text)
        assert str(answer.status_code) in self.operations[route]["responses"]
        is_json = answer.headers.get("content-type", "") == "application/json"
        return answer.json() if is_json and answer.content else answer


def list_ids(page: Any) -> list[Any]:
    return [one.get("id") or one.get("image_id") or one["name"] for one in page["data"]]


def test_every_route_works(  # noqa: PLR0915 - one story through all routes
    client: TestClient,
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    trainer: Trainer,
    ready: str,
    backend: Backend,
) -> None:
    call = Story(client)

    # models and predictions
    register_model(database, storage, "ants-and-bees")
    register_model(database, storage, "ants-and-bees", seed=1)
    name = ("ants-and-bees", 2)
    assert call("PUT /serving", json={"model": "ants-and-bees:2"})["resolved"]["version"] == 2
    assert call("GET /serving")["model"] == "ants-and-bees:2"
    call("POST /predict", files={"image": ("a.png", PICTURE)})
    call("PUT /models/{name}/metadata", name[0], json={"team": "ants"})
    call("PUT /models/{name}/aliases/{alias}", name[0], "champion", json={"version": 1})
    call("PUT /models/{name}/aliases/{alias}", name[0], "champion", json={"version": 2})
    call("POST /models/{name}/aliases/{alias}/rollback", name[0], "champion")
    split = {"num_images": 8, "per_class": dict.fromkeys(CLASS_NAMES, 8)}
    splits, done = {"train": split, "val": split}, {"stage": "done", "done": 1, "total": 1}
    labelled = add_labelled_dataset(database, splits=splits, progress=done)
    gate = {"dataset_id": labelled}
    call("PUT /models/{name}/gate", name[0], json=gate)
    call("GET /models/{name}/gate", name[0])
    call("DELETE /models/{name}/gate", name[0])
    call("DELETE /models/{name}/aliases/{alias}", name[0], "champion")
    assert list_ids(call("GET /models", params={"q": "bees"})) == [name[0]]
    assert list_ids(call("GET /models", params={"after": "zoo"})) == []
    assert call("GET /models/{name}", name[0])["newest_version"] == 2
    assert call("GET /models/{name}/versions/{version}", *name)["version"] == 2
    assert len(call("GET /models/{name}/events", name[0], params={"limit": 3})["data"]) == 3

    # datasets
    assert list_ids(call("GET /datasets", params={"status": ["ready", "invalid"]})) == [
        labelled,
        ready,
    ]
    assert list_ids(call("GET /datasets", params={"q": "BEES", "status": "ready"})) == [ready]
    assert call("GET /datasets/{dataset_id}", ready)["status"] == "ready"
    found = {"split": "train", "class": "ants", "q": "ANTS", "after": 0}
    images = list_ids(call("GET /datasets/{dataset_id}/images", ready, params=found))
    assert len(images) == 8
    call("GET /datasets/{dataset_id}/images", ready, params={"finding": "duplicate"})
    call("GET /datasets/{dataset_id}/pairs", ready, params={"kind": "duplicates"})
    image = (ready, images[0])
    call("GET /datasets/{dataset_id}/images/{image_id}", *image, params={"size": 64})
    served = {"model": "ants-and-bees:2"}
    call("GET /datasets/{dataset_id}/images/{image_id}/heatmap.png", *image, params=served)
    call("GET /datasets/{dataset_id}/preview.png", ready)
    call("GET /architectures")

    # jobs
    one = make_predictions([0, 0, 1], [0, 1, 1])
    predictions = JobPredictions(["ants", "bees"], "d" * 64, {"val": one})
    first = trainer.train(ready, make_report(), predictions)
    second = trainer.train(ready, make_report(), predictions)
    body = {"dataset_id": ready, "weights": "none", "metadata": {"team": "ants"}}
    headers = {"Idempotency-Key": "once"}
    job = call("POST /jobs", json=body, headers=headers)["id"]
    assert call("POST /jobs", json=body, headers=headers)["id"] == job
    validation = call("POST /jobs/validate", json=body)
    assert validation["is_valid"]
    assert list_ids(call("GET /jobs")) == [job, second, first]
    for filters in (
        {"status": "queued"},
        {"status": ["queued", "failed"], "q": "JOB"},
        {"metadata.team": "ants"},
        {"metadata.team": "ants", "status": ["queued", "running"]},
        {"limit": 1},
    ):
        assert list_ids(call("GET /jobs", params=filters)) == [job], filters
    for filters in (
        {"dataset_id": ready},
        {"model_name": "ants-bees"},
        {"status": "succeeded", "after": job},
    ):
        assert list_ids(call("GET /jobs", params=filters))[-2:] == [second, first], filters
    assert call("GET /jobs/{job_id}", first)["status"] == "succeeded"
    call("GET /jobs/{job_id}/checkpoints", first)
    for form in ("json", "csv"):
        call("GET /jobs/{job_id}/history", first, params={"format": form})
    call("GET /jobs/{job_id}/history.png", first, params={"compare": second})
    events = call("GET /jobs/{job_id}/events", first, params={"after": 1})["data"]
    call("GET /jobs/{job_id}/events/stream", first, headers={"Last-Event-ID": "1"})
    assert events[-1]["type"] == "succeeded"
    call("GET /jobs/{job_id}/report", first)
    call("GET /jobs/{job_id}/confusion_matrix.png", first)
    chosen = {"label": "ants", "is_correct": True}
    call("GET /jobs/{job_id}/predictions", first, params=chosen)
    other = {"with": second}
    call("GET /jobs/{job_id}/paired_test", first, params=other)
    call("GET /jobs/{job_id}/paired_test/images", first, params=other)
    path = "GET /models/{name}/versions/{version}/paired_test"
    call(path, "ants-bees", 1, params={"with": "ants-bees:2"})
    start = {"weights": "ants-bees:1", "strategy": "auto", "time_budget_seconds": 60}
    searching = call("POST /jobs", json=start | {"dataset_id": ready})["id"]
    assert call("GET /jobs/{job_id}/portfolio", searching)["candidates"] == []
    call("POST /jobs/{job_id}/stop", searching)
    call("POST /jobs/{job_id}/stop", job)
    call("POST /jobs/{job_id}/resume", job)
    call("POST /jobs/{job_id}/cancel", job)
    call("DELETE /jobs/{job_id}", job)

    # studies
    configurations = [{"name": "a"}, {"name": "b", "epochs": 3}]
    study = {"dataset_id": ready, "base": {"weights": "none"}, "configurations": configurations}
    study_id = call("POST /studies", json=study | {"name": "rates"})["id"]
    assert list_ids(call("GET /studies", params={"q": "RAT"})) == [study_id]
    assert len(list_ids(call("GET /jobs", params={"study_id": study_id}))) == 2
    call("GET /studies/{study_id}", study_id)
    call("GET /studies/{study_id}/curves", study_id)
    call("GET /studies/{study_id}/curves.png", study_id)
    call("GET /studies/{study_id}/importance", study_id)
    call("POST /studies/{study_id}/cancel", study_id)
    call("DELETE /studies/{study_id}", study_id)

    # work on versions
    version = "/models/{name}/versions/{version}"
    on_dataset = {"dataset_id": labelled}
    call(f"POST {version}/evaluate", *name, json=on_dataset)
    call(f"GET {version}/evaluations/{{dataset_id}}", *name, labelled)
    asked = call(f"POST {version}/quantize", *name, json=on_dataset)
    call(f"GET {version}/quantizations/{{analysis_id}}", *name, asked["id"])
    call(f"GET {version}/export", *name, params={"format": "onnx"})

    # batches
    batch = call("POST /predictions", json={"dataset_id": ready, "model": "ants-and-bees:2"})["id"]
    other = call("POST /predictions", files={"file": ("a.zip", PHOTOGRAPHS)})["id"]
    with database.transaction() as session:
        for item in session.scalars(select(WorkItem).where(WorkItem.kind != "predict")):
            session.delete(item)
    run_next_batch(database, settings, storage)
    call("POST /predictions/{batch_id}/cancel", other)
    assert list_ids(call("GET /predictions")) == [other, batch]
    for filters in ({"status": "succeeded"}, {"dataset_id": ready}, {"after": other}):
        assert list_ids(call("GET /predictions", params=filters)) == [batch], filters
    call("GET /predictions/{batch_id}", batch)
    for form in ("jsonl", "csv"):
        call("GET /predictions/{batch_id}/results", batch, params={"format": form})
    call("DELETE /predictions/{batch_id}", batch)

    # the Open Inference Protocol
    call("GET /v2")
    for route in ("", "/ready"):
        call(f"GET /v2/models/{{name}}{route}", name[0])
        call(f"GET /v2/models/{{name}}/versions/{{version}}{route}", *name)
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 4, 4, 3], "data": [0] * 48}
    call("POST /v2/models/{name}/infer", name[0], json={"inputs": [tensor]})
    call("POST /v2/models/{name}/versions/{version}/infer", *name, json={"inputs": [tensor]})

    # the service
    for route in ("/v2/health/live", "/v2/health/ready", "/livez", "/readyz", "/metrics"):
        call(f"GET {route}")
    call("GET /overview")
    call("GET /whoami")
    call("GET /tenants/me")
    key = call("POST /keys", json={"name": "laptop", "scopes": ["predict"]})
    assert [one["id"] for one in call("GET /keys")["data"]] == [key["id"]]
    call("DELETE /keys/{key_id}", key["id"])
    moves = call("GET /audit", params={"subject": key["id"]})
    assert len(moves["data"]) == 2
    call("GET /audit", params={"format": "csv", "action": "key_created", "principal_id": "x"})
    call("GET /auth")
    call("GET /members")

    # resumable uploads
    tus = {"Tus-Resumable": "1.0.0"}
    octets = {"Content-Type": "application/offset+octet-stream"}
    call("OPTIONS /uploads")
    created = call("POST /uploads", headers=tus | {"Upload-Length": str(len(PHOTOGRAPHS))})
    upload_id = created.headers["location"].rpartition("/")[2]
    upload = "/uploads/{upload_id}"
    sent = call(
        f"PATCH {upload}",
        upload_id,
        headers=tus | octets | {"Upload-Offset": "0"},
        content=PHOTOGRAPHS,
    )
    assert sent.headers["upload-offset"] == str(len(PHOTOGRAPHS))
    call(f"HEAD {upload}", upload_id, headers=tus)
    call(f"DELETE {upload}", upload_id, headers=tus)
    assert call("GET /service")["database"] == backend
    call("DELETE /models/{name}/versions/{version}", name[0], 1)
    call("DELETE /datasets/{dataset_id}", labelled)
    call("POST /datasets", files={"file": ("a.zip", PHOTOGRAPHS)}, data={"name": "again"})
    assert set(call.operations) - call.called == NOT_CALLED
