"""Jobs with a time budget: what is accepted, and what the service shows of their search."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.jobs.portfolio_schemas import Portfolio, PortfolioCandidate
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.answers import list_analyses
from tests.contract.datasets import with_empty_weights
from tests.datasets import add_dataset
from worker.portfolio.config import PortfolioConfig
from worker.protocol import Decided, Message, PortfolioChanged, TrainProgress
from worker.training.work import TrainingWork

BUDGET = {"architecture": "auto", "strategy": "auto", "time_budget_seconds": 60}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_empty_weights(settings)


@pytest.fixture
def dataset_id(database: Database) -> str:
    return add_dataset(database, "ready")


class Worker:
    """Claims a job, and records the messages of its child."""

    def __init__(self, database: Database, storage: LocalStorage, settings: Settings) -> None:
        self.database = database
        self.kind = TrainingWork(settings, storage)
        self.lease: work.Lease | None = None

    def claim(self) -> PortfolioConfig:
        with self.database.transaction() as session:
            self.lease = work.claim(session, "train", "me")
            assert self.lease is not None
            command = self.kind.begin(session, self.lease)
        assert command is not None
        assert command.module == "worker.portfolio"
        return PortfolioConfig.model_validate_json(command.configuration)

    def record(self, *messages: Message) -> None:
        assert self.lease is not None
        for message in messages:
            with self.database.transaction() as session:
                self.kind.record(session, self.lease, message)

    def crash(self) -> None:
        assert self.lease is not None
        with self.database.transaction() as session:
            work.requeue(session, self.lease)
            self.kind.requeue(session, self.lease.subject_id, "it crashed")


@pytest.fixture
def worker(database: Database, storage: LocalStorage, settings: Settings) -> Worker:
    return Worker(database, storage, settings)


def candidate(**fields: Any) -> PortfolioCandidate:
    values: dict[str, Any] = {
        "architecture": "squeezenet1_0",
        "state": "tried",
        "reason": "It was the first.",
        "imagenet_accuracy": 0.58,
        "expected_accuracy": None,
        "expected_seconds": 6.0,
        "started_at_seconds": 0.5,
        "used_seconds": 7.0,
        "accuracy": {"value": 0.9, "low": 0.8, "high": 0.95},
        "l2_strength": 0.1,
    }
    return PortfolioCandidate.model_validate(values | fields)


def post(client: TestClient, dataset_id: str, **fields: Any) -> dict[str, Any]:
    answer = client.post("/jobs", json={"dataset_id": dataset_id} | BUDGET | fields)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def progress(used: float) -> TrainProgress:
    return TrainProgress(
        stage="computing features of resnet18",
        epoch=0,
        epochs=None,
        step=8,
        steps=244,
        images_per_second=40.0,
        eta_seconds=6.0,
        budget_used_seconds=used,
    )


def test_a_job_with_a_budget_waits_for_no_advice(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    job = post(client, dataset_id)
    config = job["config"]
    assert (config["architecture"], config["strategy"], config["epochs"]) == ("auto",) * 3
    assert config["time_budget_seconds"] == 60
    assert list_analyses(database) == []
    portfolio = client.get(f"/jobs/{job['id']}/portfolio").json()
    assert (portfolio["time_budget_seconds"], portfolio["used_seconds"]) == (60, 0)
    assert (portfolio["candidates"], portfolio["chosen"]) == ([], None)


@pytest.mark.parametrize(
    ("fields", "loc", "allowed"),
    [
        ({"architecture": "resnet18", "strategy": "fine_tune"}, "time_budget_seconds", "left out"),
        ({"time_budget_seconds": 29}, "time_budget_seconds", ">= 30.0"),
        ({"time_budget_seconds": 700_000}, "time_budget_seconds", "<= 604800.0"),
        ({"strategy": "scratch"}, "strategy", "auto"),
        ({"epochs": 4}, "epochs", "left out"),
        ({"optimizer": {"name": "sgd"}}, "optimizer", "left out"),
        ({"preset": "tutorial"}, "preset", "recommended"),
    ],
    ids=str,
)
def test_what_a_budget_excludes_is_refused_with_what_is_allowed(
    client: TestClient, dataset_id: str, fields: dict[str, Any], loc: str, allowed: str
) -> None:
    body = {"dataset_id": dataset_id} | BUDGET | fields
    answer = client.post("/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    (problem,) = answer.json()["errors"]
    assert problem["loc"] == ["body", loc]
    assert allowed in problem["allowed"]
    if loc != "time_budget_seconds" or "architecture" in fields:
        validation = client.post("/jobs/validate", json=body).json()
        assert not validation["is_valid"]
        assert validation["problems"][0]["loc"] == ["body", loc]


def test_a_validation_estimates_the_budget(client: TestClient, dataset_id: str) -> None:
    answer = client.post("/jobs/validate", json={"dataset_id": dataset_id} | BUDGET)
    assert answer.status_code == 200
    validation = answer.json()
    assert validation["is_valid"]
    assert validation["estimated_seconds"] == 60
    assert validation["measured"] is None


def test_a_job_without_a_budget_has_no_portfolio(client: TestClient, dataset_id: str) -> None:
    body = {"dataset_id": dataset_id, "weights": "none"}
    job_id = client.post("/jobs", json=body).json()["id"]
    for path in (job_id, "job_unknown"):
        answer = client.get(f"/jobs/{path}/portfolio")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_what_the_worker_tries_is_shown_and_kept_for_the_next_attempt(
    client: TestClient, dataset_id: str, worker: Worker
) -> None:
    job_id = post(client, dataset_id, seed=7)["id"]
    config = worker.claim()
    assert not config.is_decided
    assert (config.architecture, config.strategy) == ("auto", "auto")
    assert {name: one.seed for name, one in config.recipes.items()} == {
        "feature_extract": 7,
        "fine_tune": 7,
    }
    running = candidate(architecture="resnet18", state="running", accuracy=None)
    first = config.portfolio.model_copy(
        update={"candidates": [candidate()], "used_seconds": 7.5, "chosen": "squeezenet1_0"}
    )
    second = first.model_copy(update={"candidates": [candidate(), running]})
    worker.record(
        PortfolioChanged(portfolio=first, settled=0),
        PortfolioChanged(portfolio=second),
        progress(9.25),
    )
    shown = client.get(f"/jobs/{job_id}/portfolio").json()
    assert shown["used_seconds"] == 9.25
    assert [one["state"] for one in shown["candidates"]] == ["tried", "running"]
    assert client.get(f"/jobs/{job_id}").json()["progress"]["budget_used_seconds"] == 9.25
    events = client.get(f"/jobs/{job_id}/events").json()["data"]
    (event,) = [one for one in events if one["type"] == "candidate"]
    assert event["payload"]["architecture"] == "squeezenet1_0"

    worker.crash()
    again = worker.claim()
    assert again.portfolio == second.model_copy(update={"used_seconds": 9.25})
    assert not again.is_decided


def test_a_decision_is_the_configuration_of_every_later_attempt(
    client: TestClient, dataset_id: str, worker: Worker
) -> None:
    job_id = post(client, dataset_id)["id"]
    config = worker.claim()
    recipe = config.recipes["fine_tune"].model_copy(update={"epochs": 3})
    portfolio = config.portfolio.model_copy(
        update={"candidates": [candidate()], "chosen": "squeezenet1_0", "explanation": "It pays."}
    )
    worker.record(Decided(recipe=recipe, portfolio=portfolio))
    job = client.get(f"/jobs/{job_id}").json()
    assert job["config"]["strategy"] == "auto"
    decided = job["resolved"]["config"]
    assert (decided["strategy"], decided["epochs"]) == ("fine_tune", 3)
    assert (decided["time_budget_seconds"], job["progress"]["epochs"]) == (60, 3)
    worker.crash()
    again = worker.claim()
    assert again.is_decided
    assert again.training.recipe == recipe

    clone = client.post("/jobs", json={"clone_of": job_id}).json()["config"]
    assert (clone["strategy"], clone["epochs"]) == ("fine_tune", 3)
    assert clone["time_budget_seconds"] is None


def test_a_named_architecture_and_strategy_limit_the_search(
    client: TestClient, dataset_id: str, worker: Worker
) -> None:
    post(client, dataset_id, architecture="squeezenet", input_size=96)
    config = worker.claim()
    assert config.architecture == "squeezenet1_0"
    assert {one.architecture for one in config.recipes.values()} == {"squeezenet1_0"}
    assert {one.input_size for one in config.recipes.values()} == {96}


def test_a_portfolio_of_heads_has_no_recipe_of_fine_tuning(
    client: TestClient, dataset_id: str, worker: Worker
) -> None:
    post(client, dataset_id, strategy="feature_extract", class_balance="loss")
    config = worker.claim()
    assert list(config.recipes) == ["feature_extract"]
    assert config.recipes["feature_extract"].class_balance == "loss"


def test_portfolios_are_stored_as_they_are_sent() -> None:
    portfolio = Portfolio(job_id="job_1", time_budget_seconds=60, candidates=[candidate()])
    assert Portfolio.model_validate(portfolio.model_dump(mode="json")) == portfolio
