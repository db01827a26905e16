"""Hyperband with the messages of a worker, on both kinds of database."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from app.db.session import Database
from app.db.study_tables import Study, StudyTrial
from app.settings import Settings
from app.storage import LocalStorage
from app.studies.observations import list_observations
from tests.studies import BASE, StudyWorker, tpe


@pytest.fixture
def worker(either_database: Database, settings: Settings, storage: LocalStorage) -> StudyWorker:
    return StudyWorker(either_database, settings, storage)


def test_hyperband_compares_runs_within_a_bracket(worker: StudyWorker) -> None:
    search = tpe(method="hyperband", num_trials=8, num_parallel=8, reduction_factor=3)
    study_id = worker.post(base=BASE, search=search)
    with worker.database.reading() as session:
        rows = session.scalars(select(StudyTrial).order_by(StudyTrial.trial)).all()
        brackets = [row.bracket for row in rows]
    assert brackets == [0, 1, 0, 2, 0, 1, 0, 2]
    leases = [worker.start() for _ in range(8)]
    accuracies = [0.5, 0.1, 0.6, 0.2, 0.4, 0.3, 0.7, 0.8]
    for lease, accuracy in zip(leases, accuracies, strict=True):
        worker.record(lease, 1, [accuracy])
    statuses = [worker.status_of(lease) for lease in leases]
    assert [n for n, one in enumerate(statuses) if one == "cancelling"] == [4]
    worker.record(leases[1], 2, [0.2, 0.3])
    worker.record(leases[5], 2, [0.2, 0.2])
    worker.record(leases[3], 2, [0.1, 0.1])
    statuses = [worker.status_of(lease) for lease in leases]
    assert [n for n, one in enumerate(statuses) if one == "cancelling"] == [4, 5]
    for lease in leases:
        worker.finish(lease)
    with worker.database.reading() as session:
        seen = list_observations(session, session.get_one(Study, study_id))
    assert [one.outcome for one in seen].count("pruned") == 2
    assert (seen[4].outcome, seen[4].value, seen[4].by_epoch) == ("pruned", None, {1: 0.4})
    assert (seen[7].outcome, seen[7].value) == ("finished", 0.8)


@pytest.mark.parametrize(
    ("base", "space"),
    [
        ({}, {"batch_size": [4, 8]}),
        ({"epochs": "auto"}, {"batch_size": [4, 8]}),
        ({"epochs": 1}, {"batch_size": [4, 8]}),
        ({"epochs": 9}, {"epochs": [1, "auto"]}),
    ],
)
def test_hyperband_needs_to_know_the_epochs(
    worker: StudyWorker, base: dict[str, Any], space: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="epochs"):
        worker.post(base={"weights": "none"} | base, search=tpe(method="hyperband", space=space))
