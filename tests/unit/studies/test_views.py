"""A study's ranking and chart, from the epochs in the database."""

import io

import numpy as np
import pytest
from PIL import Image

from app.db.session import Database
from app.db.tables import Epoch
from app.jobs.lifecycle import record_epochs, record_start
from app.jobs.schemas import ResolvedHeadStart, ResolvedTraining
from app.jobs.service import get_job
from app.settings import Settings
from app.storage import LocalStorage
from app.studies.charts import draw_study
from app.studies.curves import MAX_CURVES, Curve
from app.studies.service import cancel_study, get_study
from app.studies.views import list_curves
from tests.studies import StudyWorker


@pytest.fixture
def worker(either_database: Database, settings: Settings, storage: LocalStorage) -> StudyWorker:
    return StudyWorker(either_database, settings, storage)


def post(worker: StudyWorker) -> str:
    return worker.post(
        base={"weights": "none", "epochs": 3},
        configurations=[{"name": "slow", "epochs": 2}, {"name": "fast"}],
        seeds=[3, 5],
    )


def test_scores_are_means_over_the_runs_of_each_configuration(worker: StudyWorker) -> None:
    study_id = post(worker)
    accuracies = {
        ("slow", 3): [0.5, 0.4],
        ("fast", 3): [0.6, 0.9, 0.8],
        ("slow", 5): [0.3, 0.2],
        ("fast", 5): [0.8, 0.7, 0.6],
    }
    for values in accuracies.values():
        lease = worker.start()
        worker.record(lease, 1, values)
        worker.finish(lease)
    study = worker.get_study(study_id)
    assert (study.status, study.is_terminal) == ("finished", True)
    assert study.finished_at is not None
    fast, slow = study.ranking
    assert (fast.name, fast.changes, slow.changes) == ("fast", {}, {"epochs": 2})
    assert [(run.seed, run.best_epoch) for run in fast.runs] == [(3, 2), (5, 1)]
    for one, best, last in ((fast, 0.85, 0.7), (slow, 0.4, 0.3)):
        assert one.best_val_accuracy is not None
        assert one.last_val_accuracy is not None
        assert one.best_val_accuracy.mean == pytest.approx(best)
        assert one.last_val_accuracy.mean == pytest.approx(last)
        assert one.best_val_balanced_accuracy == pytest.approx(best / 2)
    assert fast.best_val_accuracy is not None
    assert fast.best_val_accuracy.interval is not None
    margin = 12.7062 * 0.1 / 2  # 0.9 and 0.8: the standard deviation over sqrt(2) is 0.05
    assert fast.best_val_accuracy.interval.low == pytest.approx(0.85 - margin, abs=1e-4)


def test_the_last_accuracy_of_a_solved_head_is_that_of_its_chosen_strength(
    worker: StudyWorker,
) -> None:
    study_id = worker.post(base={"weights": "none"}, configurations=[{"name": "solved"}])
    worker.record(worker.start(), 1, [0.7, 0.9, 0.6], rate=None)
    (run,) = worker.get_study(study_id).ranking[0].runs
    assert (run.best_epoch, run.best_val_accuracy, run.last_val_accuracy) == (2, 0.9, 0.9)


def test_a_run_that_never_beats_its_solved_head_is_ranked_by_it(worker: StudyWorker) -> None:
    study_id = worker.post(base={"weights": "none"}, configurations=[{"name": "probed"}])
    lease = worker.start()
    start = ResolvedHeadStart(
        l2_strength=0.1,
        cv_accuracy=0.8,
        val_accuracy=0.75,
        val_balanced_accuracy=0.7,
        val_loss=0.5,
    )
    with worker.database.transaction() as session:
        record_start(session, lease.subject_id, ResolvedTraining(head_start=start), {})
        row = Epoch(
            job_id=lease.subject_id,
            epoch=1,
            train_loss=0.5,
            train_accuracy=0.5,
            val_loss=0.5,
            val_accuracy=0.6,
            learning_rate=0.1,
            seconds=1.0,
            images_per_second=10.0,
        )
        get_job(session, lease.subject_id).progress = {"steps": 1}
        record_epochs(
            session, lease.subject_id, [row], improved=[], state_key="state", best_key="best"
        )
    (run,) = worker.get_study(study_id).ranking[0].runs
    assert (run.best_epoch, run.best_val_accuracy, run.last_val_accuracy) == (0, 0.75, 0.6)
    assert run.best_val_balanced_accuracy == 0.7


def test_curves_are_those_of_the_first_configurations(worker: StudyWorker) -> None:
    study_id = post(worker)
    worker.record(worker.start(), 1, [0.9, 0.8])
    worker.record(worker.start(), 1, [0.5, 0.6, 0.7])
    with worker.database.reading() as session:
        study = get_study(session, study_id)
        (first,) = list_curves(session, study, limit=1)
        both = list_curves(session, study, limit=2)
    assert (first.label, first.best) == ("slow", 0.9)
    assert [[row.val_accuracy for row in run] for run in first.runs] == [[0.9, 0.8]]
    assert [curve.label for curve in both] == ["slow", "fast"]
    charts = [draw_study([first]), draw_study(both)]
    pixels = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), int) for one in charts]
    assert (pixels[0] != pixels[1]).any()


def test_a_chart_without_an_epoch_and_one_with_special_names_are_drawn() -> None:
    assert draw_study([]).startswith(b"\x89PNG")
    assert draw_study([Curve("no epoch", [], None)] * MAX_CURVES).startswith(b"\x89PNG")
    row = Epoch(epoch=1, val_accuracy=0.5, learning_rate=0.1)
    solved = Epoch(epoch=1, val_accuracy=0.5, learning_rate=None)
    names = ["_hidden", "$\\nonsense{$", "a long name " * 20]
    curves = [Curve(name, [[kind]], 0.5) for name in names for kind in (row, solved)]
    assert draw_study(curves).startswith(b"\x89PNG")


def test_cancelling_ends_queued_runs_and_requests_it_of_running_ones(worker: StudyWorker) -> None:
    study_id = post(worker)
    done, running = worker.start(), worker.start()
    worker.record(done, 1, [0.5, 0.6])
    worker.finish(done)
    with worker.database.transaction() as session:
        cancel_study(session, study_id)
    assert worker.status_of(done) == "succeeded"
    assert (worker.status_of(running), worker.is_cancel_requested(running)) == ("cancelling", True)
    progress = worker.get_study(study_id).progress
    assert (progress.succeeded, progress.running, progress.cancelled) == (1, 1, 2)
    assert worker.get_study(study_id).status == "running"
