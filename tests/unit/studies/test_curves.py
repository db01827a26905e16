"""The data of a study's curves: means and bands over the runs."""

import pytest

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from app.studies.curve_schemas import Band, StudyCurves
from app.studies.curve_views import view_curves
from app.studies.service import get_study
from tests.studies import StudyWorker


@pytest.fixture
def worker(either_database: Database, settings: Settings, storage: LocalStorage) -> StudyWorker:
    return StudyWorker(either_database, settings, storage)


def read(
    worker: StudyWorker, study_id: str, *, limit: int = 10, num_points: int | None = None
) -> StudyCurves:
    with worker.database.reading() as session:
        study = get_study(session, study_id)
        return view_curves(session, study, limit=limit, num_points=num_points)


def post(worker: StudyWorker, *, epochs: int = 3) -> str:
    return worker.post(
        base={"weights": "none", "epochs": epochs},
        configurations=[{"name": "slow", "batch_size": 4}, {"name": "fast"}],
        seeds=[3, 5],
    )


def assert_band(band: Band, low: float, mean: float, high: float) -> None:
    assert (band.low, band.mean, band.high) == pytest.approx((low, mean, high))


def test_curves_are_means_and_bands_in_the_order_of_the_ranking(worker: StudyWorker) -> None:
    study_id = post(worker)
    for accuracies in ([0.1, 0.2], [0.7, 0.9, 0.8], [0.3], [0.5]):
        worker.record(worker.start(), 1, accuracies)
    curves = read(worker, study_id)
    fast, slow = curves.data
    assert (curves.study_id, fast.name, fast.trial, fast.rank) == (study_id, "fast", 2, 1)
    assert (slow.name, slow.num_epochs, slow.is_solved) == ("slow", 2, False)
    assert fast.best_val_accuracy == pytest.approx(0.7)
    assert [(one.epoch, one.num_runs) for one in fast.data] == [(1, 2), (2, 1), (3, 1)]
    assert_band(fast.data[0].val_accuracy, 0.5, 0.6, 0.7)
    assert_band(fast.data[0].val_loss, 0.5, 0.5, 0.5)
    assert_band(fast.data[2].val_accuracy, 0.8, 0.8, 0.8)
    assert [one.name for one in read(worker, study_id, limit=1).data] == ["fast"]


def test_curves_are_thinned_on_request(worker: StudyWorker) -> None:
    study_id = post(worker, epochs=100)
    worker.record(worker.start(), 1, [epoch / 100 for epoch in range(100)])
    measured = read(worker, study_id, num_points=10).data[0]
    epochs = [one.epoch for one in measured.data]
    assert (measured.num_epochs, epochs[0], epochs[-1]) == (100, 1, 100)
    assert len(epochs) <= 10
    assert len(read(worker, study_id).data[0].data) == 100


def test_a_study_without_epochs_has_empty_curves(worker: StudyWorker) -> None:
    curve, _ = read(worker, post(worker)).data
    assert (curve.rank, curve.best_val_accuracy, curve.num_epochs, curve.data) == (
        None,
        None,
        0,
        [],
    )


def test_solved_heads_have_no_epochs(worker: StudyWorker) -> None:
    study_id = post(worker)
    worker.record(worker.start(), 1, [0.1, 0.2], rate=None)
    solved = read(worker, study_id).data[0]
    assert (solved.is_solved, solved.num_epochs, solved.data) == (True, 0, [])
    assert solved.best_val_accuracy == pytest.approx(0.2)
