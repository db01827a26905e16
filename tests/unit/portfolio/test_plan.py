"""Plans never need more seconds than there are, and the same figures give the same plan."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.advice.schemas import ProportionDifference
from worker.portfolio.plan import (
    CANDIDATES_SHARE,
    MAX_EPOCHS,
    MAX_TRIAL_EPOCHS,
    EvaluationCost,
    Outcome,
    Prospect,
    allow_candidate,
    can_compare,
    count_fewest_epochs,
    expect_accuracy,
    order,
    plan_epochs,
    plan_trial,
    would_pay,
)

SECONDS = st.floats(0, 1e6)
COST = st.floats(1e-3, 1e5)
ACCURACY = st.floats(0, 1)
PROSPECTS = st.lists(
    st.builds(Prospect, st.text("abc", min_size=1, max_size=3), ACCURACY, COST),
    unique_by=lambda one: one.architecture,
    max_size=6,
)
OUTCOMES = st.lists(st.builds(Outcome, ACCURACY, ACCURACY), max_size=4)


@given(SECONDS, COST, SECONDS)
def test_fine_tuning_fits_into_what_is_left(left: float, epoch: float, setup: float) -> None:
    epochs = plan_epochs(left, epoch, setup)
    assert 0 <= epochs <= MAX_EPOCHS
    assert epochs == 0 or setup + epochs * epoch <= left


@given(SECONDS, COST, SECONDS, st.integers(1, MAX_TRIAL_EPOCHS))
def test_a_trial_leaves_most_of_the_time(
    left: float, epoch: float, setup: float, fewest: int
) -> None:
    epochs = plan_trial(left, epoch, setup, fewest=fewest)
    assert epochs == 0 or fewest <= epochs <= MAX_TRIAL_EPOCHS
    assert epochs == 0 or setup + epochs * epoch <= 0.4 * left


def test_a_comparison_leaves_time_to_train_any_of_its_candidates() -> None:
    assert can_compare(100.0, [20.0, 30.0], [25.0, 40.0])
    assert not can_compare(98.0, [20.0, 30.0], [25.0, 40.0])


@pytest.mark.parametrize(
    ("num_images", "batch_size", "epochs"), [(4, 8, 3), (480, 8, 3), (800, 8, 2), (1680, 8, 1)]
)
def test_a_gain_shows_after_so_many_epochs(num_images: int, batch_size: int, epochs: int) -> None:
    assert count_fewest_epochs(num_images, batch_size) == epochs


@given(SECONDS, SECONDS, SECONDS, st.booleans(), st.booleans())
def test_a_candidate_gets_no_more_than_is_left(
    total: float, used: float, reserve: float, may_fine_tune: bool, is_first: bool
) -> None:
    allowed = allow_candidate(total, used, reserve, may_fine_tune=may_fine_tune, is_first=is_first)
    assert 0 <= allowed <= max(total - reserve - used, 0)
    if may_fine_tune and not is_first:
        assert allowed == 0 or used + allowed <= CANDIDATES_SHARE * (total - reserve) + 1e-6


@given(PROSPECTS, OUTCOMES)
def test_the_order_is_the_same_for_the_same_figures(
    prospects: list[Prospect], outcomes: list[Outcome]
) -> None:
    ordered = order(prospects, outcomes)
    assert sorted(ordered, key=lambda one: one.architecture) == sorted(
        prospects, key=lambda one: one.architecture
    )
    assert order(prospects[::-1], outcomes) == ordered


@given(ACCURACY, COST, st.floats(1.1, 100), OUTCOMES)
def test_of_equals_the_faster_comes_first(
    accuracy: float, seconds: float, factor: float, outcomes: list[Outcome]
) -> None:
    slow, fast = Prospect("a", accuracy, factor * seconds), Prospect("b", accuracy, seconds)
    assert order([slow, fast], outcomes) == [fast, slow]


def test_the_order_goes_from_cheap_to_accurate() -> None:
    """The first candidate is fast; an expensive one comes once its gain is worth its time."""
    tiny, large = Prospect("tiny", 0.6, 1.0), Prospect("large", 0.85, 30.0)
    small = Prospect("small", 0.58, 1.0)
    assert order([large, small, tiny], [])[0] == tiny
    tried = [Outcome(0.6, 0.9)]
    assert [one.architecture for one in order([large, small], tried)] == ["small", "large"]
    affordable = Prospect("large", 0.85, 2.0)
    assert order([affordable, small], tried)[0] == affordable


@given(st.lists(ACCURACY, min_size=2, max_size=5), OUTCOMES)
def test_a_better_imagenet_accuracy_promises_no_less(
    accuracies: list[float], outcomes: list[Outcome]
) -> None:
    expected = [expect_accuracy(one, outcomes) for one in sorted(accuracies)]
    if not outcomes:
        assert set(expected) == {None}
    for one, other in pairwise(expected):
        assert one is None or other is None or 0 < one <= other < 1


def test_the_expected_accuracy_comes_from_what_was_tried() -> None:
    assert expect_accuracy(0.6, [Outcome(0.6, 0.9)]) == pytest.approx(0.9)
    assert (expect_accuracy(0.6, [Outcome(0.6, 0.3)]) or 0) < 0.31


def test_the_evaluation_of_a_fine_tuned_network_computes_features_again() -> None:
    cost = EvaluationCost(decoding=0.01, forward=0.02, num_evaluated=100, num_trust=300)
    assert cost.of_head == pytest.approx(1.1 * 100 * 0.03 + 2)
    assert cost.of_fine_tuned == pytest.approx(1.1 * 400 * 0.02 + 2)


@pytest.mark.parametrize(
    ("value", "half_width", "pays"),
    [(0.02, 0.05, True), (0.0, 0.05, True), (0.0, 0.004, False), (-0.1, 0.05, False)],
)
def test_fine_tuning_pays_where_its_gain_is_within_one_standard_error(
    value: float, half_width: float, *, pays: bool
) -> None:
    gain = ProportionDifference(value=value, low=value - half_width, high=value + half_width)
    assert would_pay(gain) is pays
