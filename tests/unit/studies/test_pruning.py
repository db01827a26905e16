"""Successive halving with a worker's own messages, on both kinds of database."""

from typing import Any

import pytest

from app.db.session import Database
from app.errors import ValidationFailed
from app.history.views import view_events
from app.settings import Settings
from app.storage import LocalStorage
from tests.studies import Bench

BASE = {"weights": "none", "epochs": 9, "input_size": 64}


@pytest.fixture
def bench(either_database: Database, settings: Settings, storage: LocalStorage) -> Bench:
    return Bench(either_database, settings, storage)


def halving(**fields: Any) -> dict[str, Any]:
    return {
        "method": "successive_halving",
        "space": {"optimizer.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}},
        "num_trials": 4,
        "reduction_factor": 2,
    } | fields


def test_a_run_that_falls_behind_is_given_up_and_registers_nothing(bench: Bench) -> None:
    study_id = bench.post(base=BASE, search=halving())
    first, second, third = bench.begin(), bench.begin(), bench.begin()
    bench.record(first, 1, [0.6])
    assert bench.status_of(first) == "running", "the first to come goes on"
    bench.record(second, 1, [0.5])
    assert (bench.status_of(second), bench.hears_cancel(second)) == ("cancelling", True)
    bench.record(third, 1, [0.7])
    assert (bench.status_of(third), bench.hears_cancel(third)) == ("running", False)
    bench.finish(second)
    assert bench.status_of(second) == "cancelled"

    with bench.database.reading() as session:
        events = view_events(session, second.subject_id, after=0, limit=100)
    types = [event.type for event in events]
    assert types == ["queued", "running", "epoch", "pruned", "cancelling", "cancelled"]
    assert events[3].payload == {
        "epoch": 1,
        "val_accuracy": 0.5,
        "rivals": [0.6],
        "reduction_factor": 2,
    }
    study = bench.look(study_id)
    assert [one.rank for one in study.ranking] == [1, 2, 3, None]
    (given_up,) = study.ranking[2].runs
    assert (given_up.job_id, given_up.is_pruned) == (second.subject_id, True)
    assert study.progress.model_dump() == {
        "runs": 4,
        "queued": 1,
        "running": 2,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 1,
    }


def test_runs_are_compared_at_rungs_alone(bench: Bench) -> None:
    """With a factor of 2 and 9 epochs: after 2, 4 and 8, as min_epochs says."""
    bench.post(base=BASE, search=halving(min_epochs=2))
    first, second = bench.begin(), bench.begin()
    bench.record(first, 1, [0.9, 0.5, 0.9, 0.8])
    bench.record(second, 1, [0.1])
    bench.record(second, 2, [0.6, 0.1])
    assert bench.status_of(second) == "running"
    bench.record(second, 4, [0.7])
    assert bench.status_of(second) == "cancelling"


def test_a_rung_within_a_shared_checkpoint_counts(bench: Bench) -> None:
    bench.post(base=BASE, search=halving(reduction_factor=3))
    first, second = bench.begin(), bench.begin()
    bench.record(first, 1, [0.9, 0.9, 0.9, 0.9])
    bench.record(second, 1, [0.95, 0.95, 0.8, 0.95])
    assert bench.status_of(second) == "cancelling"


def test_the_last_epoch_and_solved_heads_are_let_be(bench: Bench) -> None:
    bench.post(base=BASE | {"epochs": 1}, search=halving())
    first, second = bench.begin(), bench.begin()
    bench.record(first, 1, [0.9])
    bench.record(second, 1, [0.1])
    assert bench.status_of(second) == "running"
    bench.post(base=BASE, search=halving())
    others = [bench.begin() for _ in range(2)] + [bench.begin(), bench.begin()]
    for lease, accuracy in zip(others, (0.9, 0.8, 0.7, 0.6), strict=True):
        bench.record(lease, 1, [accuracy], rate=None)
    assert {bench.status_of(lease) for lease in others} == {"running"}


def test_another_search_gives_no_run_up(bench: Bench) -> None:
    bench.post(base=BASE, search=halving(method="random"))
    first, second = bench.begin(), bench.begin()
    bench.record(first, 1, [0.9])
    bench.record(second, 1, [0.1])
    assert bench.status_of(second) == "running"


def test_halving_refuses_a_head_that_is_solved_for(bench: Bench) -> None:
    with pytest.raises(ValidationFailed) as refused:
        bench.post(
            base={"strategy": "feature_extract", "optimizer": {"name": "lbfgs"}},
            search=halving(space={"batch_size": [4, 8]}, num_trials=2),
        )
    (problem,) = refused.value.problems
    assert problem.loc == ("body", "base", "optimizer", "name")
    assert problem.allowed == ("sgd", "rmsprop", "adamw")
