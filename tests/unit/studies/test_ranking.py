"""The ranking of configurations, against results computed by hand."""

import pytest

from app.jobs.states import Status
from app.studies.ranking import Candidate, rank
from app.studies.schemas import RankedConfiguration, RunView


def run(
    best: float | None,
    last: float | None = None,
    *,
    balanced: float | None = None,
    status: Status = "succeeded",
    is_pruned: bool = False,
) -> RunView:
    return RunView(
        job_id="job_1",
        seed=0,
        status=status,
        is_pruned=is_pruned,
        best_epoch=None if best is None else 1,
        best_val_accuracy=best,
        best_val_balanced_accuracy=balanced,
        last_val_accuracy=best if last is None else last,
    )


def order(
    *candidates: list[RunView], num_val_images: int | None = 100
) -> list[RankedConfiguration]:
    return rank(
        [
            Candidate(number, f"number {number}", {"epochs": number}, runs)
            for number, runs in enumerate(candidates, 1)
        ],
        num_val_images,
    )


def test_the_best_mean_is_first() -> None:
    first, second = order([run(0.95, 0.8), run(0.65, 0.6)], [run(0.82, 0.82), run(0.80, 0.70)])
    assert (first.trial, first.rank, first.name, first.changes) == (
        *(2, 1, "number 2"),
        {"epochs": 2},
    )
    assert (second.trial, second.rank) == (1, 2)
    assert first.best_val_accuracy is not None
    assert first.last_val_accuracy is not None
    assert first.best_val_accuracy.mean == pytest.approx(0.81)
    assert first.last_val_accuracy.mean == pytest.approx(0.76)
    assert first.best_val_accuracy.num_runs == 2


def test_equal_configurations_are_sorted_by_last_accuracy() -> None:
    ranking = order([run(0.9, 0.7)], [run(0.9, 0.8)], [run(0.9, 0.7)])
    assert [one.trial for one in ranking] == [2, 1, 3]


def test_an_insignificant_difference_is_a_tie() -> None:
    """Of 100 images: 90 against 85 may be chance, 90 against 70 is not."""
    ranking = order([run(0.9)], [run(0.85)], [run(0.7)])
    assert [one.is_tied_with_best for one in ranking] == [True, True, False]
    more = order([run(0.9)], [run(0.85)], [run(0.7)], num_val_images=10_000)
    assert [one.is_tied_with_best for one in more] == [True, False, False]
    unknown = order([run(0.9)], [run(0.85)], num_val_images=None)
    assert [one.is_tied_with_best for one in unknown] == [True, None]


def test_stopped_runs_do_not_count_beside_others() -> None:
    (one,) = order([run(0.8), run(0.2, status="cancelled", is_pruned=True)])
    assert one.best_val_accuracy is not None
    assert (one.best_val_accuracy.mean, one.best_val_accuracy.num_runs) == (0.8, 1)
    assert len(one.runs) == 2


def test_stopped_configurations_come_after_others_and_those_without_an_epoch_last() -> None:
    ranking = order(
        [run(None, status="queued")],
        [run(0.9, status="cancelled", is_pruned=True)],
        [run(0.3, status="running")],
        [run(0.95, status="failed")],
    )
    assert [(one.trial, one.rank) for one in ranking] == [(3, 1), (4, 2), (2, 3), (1, None)]
    assert ranking[-1].best_val_accuracy is None
    assert ranking[-1].is_tied_with_best is None


def test_the_balanced_accuracy_is_a_mean_that_does_not_decide() -> None:
    first, second, third = order(
        [run(0.9, balanced=0.5), run(0.8, balanced=0.7)],
        [run(0.8, balanced=0.8), run(0.7, balanced=None)],
        [run(0.6, balanced=0.9), run(0.9, balanced=0.1, status="failed")],
    )
    assert first.trial == 1
    assert first.best_val_balanced_accuracy == pytest.approx(0.6)
    assert second.best_val_balanced_accuracy is None
    assert third.best_val_balanced_accuracy == 0.9
