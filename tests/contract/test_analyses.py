"""Routes with results that a worker computes, before and after it has."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.db.base import now
from app.db.session import Database
from app.db.tables import AnalysisRequest, WorkItem
from app.settings import Settings
from app.tasks import service as work
from tests.answers import (
    ADVICE,
    DRY_RUN,
    complete_waiting_analysis,
    fail_waiting_analysis,
    list_analyses,
)
from tests.contract.datasets import with_empty_weights
from tests.datasets import add_dataset


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_empty_weights(settings)


@pytest.fixture
def dataset_id(database: Database) -> str:
    return add_dataset(database, "ready")


def test_advice_is_202_until_it_is_computed(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    path = f"/datasets/{dataset_id}/advice"
    first = client.get(path)
    assert first.status_code == 202
    assert first.headers["location"] == f"{path}?architecture=resnet18"
    assert int(first.headers["retry-after"]) > 0
    assert (first.json()["kind"], first.json()["status"]) == ("advise", "waiting")
    again = client.get(first.headers["location"])
    assert (again.status_code, again.json()) == (202, first.json())
    complete_waiting_analysis(database, ADVICE)
    answered = client.get(first.headers["location"])
    assert (answered.status_code, answered.json()) == (200, ADVICE)
    other = client.get(path, params={"architecture": "squeezenet"})
    assert (other.status_code, len(list_analyses(database))) == (202, 2)


def test_impossible_advice_is_rejected_at_once(
    client: TestClient, database: Database, settings: Settings, dataset_id: str
) -> None:
    def ask(dataset: str, **query: str) -> tuple[int, str]:
        answer = client.get(f"/datasets/{dataset}/advice", params=query)
        return answer.status_code, answer.json()["code"]

    assert ask(dataset_id, architecture="alexnet") == (422, "WEIGHTS_UNAVAILABLE")
    assert ask(dataset_id, architecture="resnet999") == (422, "VALIDATION")
    assert ask("ds_unknown") == (404, "NOT_FOUND")
    assert ask(add_dataset(database, "invalid")) == (409, "DATASET_INVALID")
    shutil.rmtree(str(settings.weights_dir))
    assert ask(dataset_id, architecture="auto") == (422, "WEIGHTS_UNAVAILABLE")
    assert list_analyses(database) == []


def test_a_failure_is_returned_and_later_retried(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    path = f"/datasets/{dataset_id}/advice"
    client.get(path)
    fail_waiting_analysis(database, "TOO_FEW_IMAGES", "one image")
    for _ in range(2):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "TOO_FEW_IMAGES")
        assert answer.json()["detail"] == "one image"
    with database.transaction() as session:
        session.execute(update(AnalysisRequest).values(finished_at=now() - timedelta(hours=1)))
    assert client.get(path).status_code == 202
    complete_waiting_analysis(database, ADVICE)
    assert client.get(path).status_code == 200


def test_equal_jobs_with_auto_share_an_analysis(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    client.get(f"/datasets/{dataset_id}/advice")
    for seed in (0, 1):
        body = {"dataset_id": dataset_id, "strategy": "auto", "seed": seed}
        answer = client.post("/jobs", json=body)
        assert answer.status_code == 202, answer.text
        config = answer.json()["config"]
        assert (config["strategy"], config["epochs"]) == ("auto", "auto")
        assert answer.json()["resolved"] is None
        assert answer.json()["progress"]["epochs"] is None
    (analysis,) = list_analyses(database)
    with database.transaction() as session:
        assert work.claim(session, "train", "me") is None  # both wait for the answer
    complete_waiting_analysis(database, ADVICE)
    with database.transaction() as session:
        lease = work.claim(session, "train", "me")
        assert lease is not None
        assert work.find_dependency(session, lease) == analysis.id


@pytest.mark.parametrize(
    ("fields", "queue", "parameters"),
    [
        ({"strategy": "auto"}, "cpu", {"time_budget_seconds": None}),
        ({"strategy": "auto", "batch_size": 16}, "cpu", {"architecture": "resnet18"}),
        ({"architecture": "auto"}, "train", {"time_budget_seconds": 3600.0}),
        ({"architecture": "auto", "max_parameters": 10**7}, "cpu", {"max_parameters": 10**7}),
    ],
    ids=str,
)
def test_analyses_with_timing_run_in_the_queue_of_jobs(
    client: TestClient,
    database: Database,
    dataset_id: str,
    fields: dict[str, Any],
    queue: str,
    parameters: dict[str, Any],
) -> None:
    answer = client.post("/jobs", json={"dataset_id": dataset_id} | fields)
    assert answer.status_code == 202, answer.text
    (analysis,) = list_analyses(database)
    assert analysis.parameters.items() >= parameters.items()
    with database.reading() as session:
        items = session.query(WorkItem).filter_by(subject_id=analysis.id).all()
    assert [(item.queue, item.waits_for) for item in items] == [(queue, dataset_id)]


def test_advice_is_limited_to_strategies_that_fit_the_other_fields(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    body = {"dataset_id": dataset_id, "strategy": "auto", "optimizer": {"name": "lbfgs"}}
    answer = client.post("/jobs", json=body)
    assert answer.status_code == 202, answer.text
    (analysis,) = list_analyses(database)
    assert list(analysis.parameters["recipes"]) == ["feature_extract"]
    frozen = client.post("/jobs", json=body | {"weights": "none"})
    assert (frozen.status_code, frozen.json()["code"]) == (422, "VALIDATION")


def test_an_undecided_job_cannot_be_cloned(client: TestClient, dataset_id: str) -> None:
    job_id = client.post("/jobs", json={"dataset_id": dataset_id, "strategy": "auto"}).json()["id"]
    answer = client.post("/jobs", json={"clone_of": job_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_a_resumed_job_retries_its_failed_analysis(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    job_id = client.post("/jobs", json={"dataset_id": dataset_id, "strategy": "auto"}).json()["id"]
    client.post(f"/jobs/{job_id}/cancel")
    fail_waiting_analysis(database, "CHILD_CRASHED", "three times")
    assert client.post(f"/jobs/{job_id}/resume").status_code == 202
    assert [analysis.status for analysis in list_analyses(database)] == ["waiting"]


def test_a_dry_run_is_returned_at_the_location_of_the_response(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    body = {"dataset_id": dataset_id, "strategy": "fine_tune", "model_name": "mine"}
    asked = client.post("/jobs/validate", json=body)
    assert asked.status_code == 202
    assert (asked.json()["is_valid"], asked.json()["measured"]) == (True, None)
    place = asked.headers["location"]
    assert place == f"/jobs/validate/{list_analyses(database)[0].id}"
    waiting = client.get(place)
    assert (waiting.status_code, waiting.json()) == (202, asked.json())
    complete_waiting_analysis(database, DRY_RUN)
    for answered in (client.get(place), client.post("/jobs/validate", json=body)):
        assert (answered.status_code, answered.json()["measured"]) == (200, DRY_RUN)
        assert answered.json() == asked.json() | {"measured": DRY_RUN}
    assert client.get("/jobs").json()["data"] == []


def test_a_failed_dry_run_makes_the_job_invalid(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    body = {"dataset_id": dataset_id, "strategy": "fine_tune"}
    client.post("/jobs/validate", json=body)
    fail_waiting_analysis(database, "DEVICE_UNAVAILABLE", "no CUDA")
    answer = client.post("/jobs/validate", json=body)
    assert (answer.status_code, answer.json()["is_valid"]) == (200, False)
    assert [problem["code"] for problem in answer.json()["problems"]] == ["DEVICE_UNAVAILABLE"]


@pytest.mark.parametrize("fields", [{"strategy": "auto"}, {"architecture": "auto"}], ids=str)
def test_undecided_requests_have_no_dry_run(
    client: TestClient, database: Database, dataset_id: str, fields: dict[str, Any]
) -> None:
    answer = client.post("/jobs/validate", json={"dataset_id": dataset_id} | fields)
    assert (answer.status_code, answer.json()["measured"]) == (200, None)
    ingesting = {"dataset_id": add_dataset(database, "ingesting"), "strategy": "fine_tune"}
    assert client.post("/jobs/validate", json=ingesting).json()["measured"] is None
    assert list_analyses(database) == []


def test_a_validation_without_dry_run_needs_no_worker(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    body = {"dataset_id": dataset_id, "strategy": "fine_tune"}
    answer = client.post("/jobs/validate?dry_run=false", json=body)
    assert (answer.status_code, answer.json()["is_valid"]) == (200, True)
    assert answer.json()["measured"] is None
    assert answer.json()["config"]["strategy"] == "fine_tune"
    assert list_analyses(database) == []


def test_an_analysis_of_another_kind_is_not_a_validation(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    client.get(f"/datasets/{dataset_id}/advice")
    (analysis,) = list_analyses(database)
    assert client.get(f"/jobs/validate/{analysis.id}").status_code == 404
    assert client.get("/jobs/validate/inq_unknown").status_code == 404


def test_a_dataset_is_deleted_with_its_analyses(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    client.get(f"/datasets/{dataset_id}/advice")
    assert client.delete(f"/datasets/{dataset_id}").status_code == 204
    assert list_analyses(database) == []
    with database.transaction() as session:
        assert work.claim(session, "cpu", "me") is None
