"""Successive halving with the messages of a worker, on both kinds of database."""

from typing import Any

import pytest

from app.db.session import Database
from app.errors import ValidationFailed
from app.history.views import view_events
from app.settings import Settings
from app.storage import LocalStorage
from tests.studies import StudyWorker

BASE = {"weights": "none", "epochs": 9, "input_size": 64}


@pytest.fixture
def worker(either_database: Database, settings: Settings, storage: LocalStorage) -> StudyWorker:
    return StudyWorker(either_database, settings, storage)


def halving(**fields: Any) -> dict[str, Any]:
    return {
        "method": "successive_halving",
        "space": {"optimizer.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}},
        "num_trials": 4,
        "reduction_factor": 2,
    } | fields


def test_a_run_that_is_worse_than_others_is_stopped_and_registers_no_model(
    worker: StudyWorker,
) -> None:
    study_id = worker.post(base=BASE, search=halving())
    first, second, third = worker.start(), worker.start(), worker.start()
    worker.record(first, 1, [0.6])
    assert worker.status_of(first) == "running", "the first to come goes on"
    worker.record(second, 1, [0.5])
    assert (worker.status_of(second), worker.is_cancel_requested(second)) == ("cancelling", True)
    worker.record(third, 1, [0.7])
    assert (worker.status_of(third), worker.is_cancel_requested(third)) == ("running", False)
    worker.finish(second)
    assert worker.status_of(second) == "cancelled"

    with worker.database.reading() as session:
        events = view_events(session, second.subject_id, after=0, limit=100)
    types = [event.type for event in events]
    assert types == ["queued", "running", "epoch", "pruned", "cancelling", "cancelled"]
    assert events[3].payload == {
        "epoch": 1,
        "val_accuracy": 0.5,
        "rivals": [0.6],
        "reduction_factor": 2,
    }
    study = worker.get_study(study_id)
    assert [one.rank for one in study.ranking] == [1, 2, 3, None]
    (stopped,) = study.ranking[2].runs
    assert (stopped.job_id, stopped.is_pruned) == (second.subject_id, True)
    assert study.progress.model_dump() == {
        "runs": 4,
        "queued": 1,
        "running": 2,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 1,
    }


def test_runs_are_compared_only_at_rungs(worker: StudyWorker) -> None:
    """With a factor of 2 and 9 epochs: after 2, 4 and 8, as min_epochs says."""
    worker.post(base=BASE, search=halving(min_epochs=2))
    first, second = worker.start(), worker.start()
    worker.record(first, 1, [0.9, 0.5, 0.9, 0.8])
    worker.record(second, 1, [0.1])
    worker.record(second, 2, [0.6, 0.1])
    assert worker.status_of(second) == "running"
    worker.record(second, 4, [0.7])
    assert worker.status_of(second) == "cancelling"


def test_a_rung_within_a_shared_checkpoint_counts(worker: StudyWorker) -> None:
    worker.post(base=BASE, search=halving(reduction_factor=3))
    first, second = worker.start(), worker.start()
    worker.record(first, 1, [0.9, 0.9, 0.9, 0.9])
    worker.record(second, 1, [0.95, 0.95, 0.8, 0.95])
    assert worker.status_of(second) == "cancelling"


def test_the_last_epoch_and_solved_heads_are_not_compared(worker: StudyWorker) -> None:
    worker.post(base=BASE | {"epochs": 1}, search=halving())
    first, second = worker.start(), worker.start()
    worker.record(first, 1, [0.9])
    worker.record(second, 1, [0.1])
    assert worker.status_of(second) == "running"
    worker.post(base=BASE, search=halving())
    others = [worker.start() for _ in range(2)] + [worker.start(), worker.start()]
    for lease, accuracy in zip(others, (0.9, 0.8, 0.7, 0.6), strict=True):
        worker.record(lease, 1, [accuracy], rate=None)
    assert {worker.status_of(lease) for lease in others} == {"running"}


def test_another_search_stops_no_run(worker: StudyWorker) -> None:
    worker.post(base=BASE, search=halving(method="random"))
    first, second = worker.start(), worker.start()
    worker.record(first, 1, [0.9])
    worker.record(second, 1, [0.1])
    assert worker.status_of(second) == "running"


def test_halving_rejects_lbfgs(worker: StudyWorker) -> None:
    with pytest.raises(ValidationFailed) as refused:
        worker.post(
            base={"strategy": "feature_extract", "optimizer": {"name": "lbfgs"}},
            search=halving(space={"batch_size": [4, 8]}, num_trials=2),
        )
    (problem,) = refused.value.problems
    assert problem.loc == ("body", "base", "optimizer", "name")
    assert problem.allowed == ("sgd", "rmsprop", "adamw")
