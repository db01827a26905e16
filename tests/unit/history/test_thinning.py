"""Curves are thinned without losing their shape."""

import random

import pytest

from app.history.thinning import thin

_RANDOM = random.Random(0)
NOISE = [_RANDOM.random() for _ in range(1000)]


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_short_curve_stays_whole(count: int) -> None:
    assert thin(NOISE[:count], 50, keep=None) == list(range(count))


@pytest.mark.parametrize("num_points", [2, 3, 4, 5, 6, 7, 100, 101, 998, 999])
@pytest.mark.parametrize("keep", [None, 0, 1, 500, 999])
def test_ends_and_best_stay_within_the_limit(num_points: int, keep: int | None) -> None:
    chosen = thin(NOISE, num_points, keep=keep)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= num_points
    assert {0, 999} <= set(chosen)
    if keep is not None and num_points > 2:
        assert keep in chosen


@pytest.mark.parametrize("num_points", [5, 20, 101])
def test_no_stretch_loses_its_extremes(num_points: int) -> None:
    chosen = thin(NOISE, num_points)
    num_runs = (num_points - 2) // 2
    for run in range(num_runs):
        stretch = range(1 + 998 * run // num_runs, 1 + 998 * (run + 1) // num_runs)
        kept = [NOISE[index] for index in chosen if index in stretch]
        values = [NOISE[index] for index in stretch]
        assert (min(kept), max(kept)) == (min(values), max(values))


def test_most_of_the_points_are_used() -> None:
    assert len(thin(NOISE, 300, keep=400)) > 290
