"""The accuracy to expect on the validation images, from held-out training images."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from app.advice.schemas import Proportion, ProportionDifference
from app.ml.recipe import ClassBalance
from app.ml.trust.intervals import paired_difference_interval, wilson_interval
from tests.unit.training.test_balance import make_clouds
from worker.advice.probe import ProbeResult, cross_validate
from worker.training.evaluation.expected_accuracy import (
    add_gain,
    extrapolate,
    measure_difference,
    measure_exponent,
    measure_share,
    scale_gain,
    weigh_images,
)


def count(*sizes: int) -> Tensor:
    """Return targets with this many images of each class."""
    return torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))


def mark(*parts: tuple[int, bool]) -> Tensor:
    return torch.tensor([value for number, value in parts for _ in range(number)])


def test_rare_classes_count_as_often_as_in_validation() -> None:
    targets, is_right = count(90, 10), mark((90, True), (5, True), (5, False))
    weights = weigh_images(targets, count(30, 30))
    assert weights.mean().item() == pytest.approx(1.0)
    assert sorted(set(weights.tolist())) == pytest.approx([50 / 90, 5.0])
    share = measure_share(is_right, weights)
    assert share.value == pytest.approx((1.0 + 0.5) / 2)
    effective = 100**2 / (90 * (50 / 90) ** 2 + 10 * 25)
    assert (share.low, share.high) == pytest.approx(wilson_interval(0.75, effective))
    assert effective == pytest.approx(36.0)


def test_equal_frequencies_change_nothing() -> None:
    targets, is_right = count(60, 40), mark((70, True), (30, False))
    weights = weigh_images(targets, count(6, 4))
    assert weights.tolist() == pytest.approx([1.0] * 100)
    share = measure_share(is_right, weights)
    assert share.value == pytest.approx(0.7)
    assert (share.low, share.high) == pytest.approx(wilson_interval(0.7, 100))


@pytest.mark.parametrize("val_sizes", [(0, 7, 3), (10, 7, 3)])
def test_classes_that_cannot_be_held_out_are_left_out(val_sizes: tuple[int, ...]) -> None:
    weights = weigh_images(torch.tensor([1, 1, 2, 2]), count(*val_sizes))
    assert weights.tolist() == pytest.approx([1.4, 1.4, 0.6, 0.6])


@pytest.mark.parametrize("val_sizes", [(0, 0, 5), ()])
def test_without_a_common_class_all_images_count_the_same(val_sizes: tuple[int, ...]) -> None:
    val_targets = count(*val_sizes) if val_sizes else torch.tensor([], dtype=torch.int64)
    assert weigh_images(count(3, 2), val_targets).tolist() == [1.0] * 5


def test_differences_are_weighted_image_by_image() -> None:
    first = mark((90, True), (10, False))
    second = mark((70, True), (30, False))
    equal = measure_difference(first, second, torch.ones(100, dtype=torch.float64))
    assert equal.value == pytest.approx(0.2)
    assert (equal.low, equal.high) == pytest.approx(paired_difference_interval(70, 20, 0, 10))
    assert 0.0 < equal.low < 0.2 < equal.high
    opposite = measure_difference(second, first, torch.ones(100, dtype=torch.float64))
    assert (opposite.low, opposite.high) == pytest.approx((-equal.high, -equal.low))
    # the 20 images that only the first gets right are of a class that is rare in validation
    targets = mark((70, False), (20, True), (10, False)).long()
    rare = measure_difference(first, second, weigh_images(targets, count(95, 5)))
    assert rare.value == pytest.approx(0.05)


def test_equal_classifiers_do_not_differ() -> None:
    same = mark((2, True), (1, False))
    difference = measure_difference(same, same, torch.ones(3, dtype=torch.float64))
    assert difference.value == 0.0
    assert difference.low <= 0.0 <= difference.high


@pytest.mark.parametrize("class_balance", ["none", "loss", "auto"])
def test_probes_are_solved_with_the_weights_of_the_recipe(class_balance: ClassBalance) -> None:
    features, targets = make_clouds(300, 20)
    val_targets = count(10, 10)

    def probe(balance: ClassBalance) -> ProbeResult:
        return cross_validate(
            features, targets, val_targets, stage="last", num_classes=2, class_balance=balance
        )

    weighted, plain = probe("loss").probe.accuracy, probe("none").probe.accuracy
    assert weighted.value > plain.value + 0.05
    assert probe(class_balance).probe.accuracy == (plain if class_balance == "none" else weighted)


@pytest.mark.parametrize("exponent", [0.1, 0.3, 0.5])
def test_an_error_that_is_a_power_of_the_images_is_extrapolated_exactly(exponent: float) -> None:
    def accuracy_with(num_images: float) -> float:
        return 1 - 0.7 * math.pow(num_images, -exponent)

    measured = measure_exponent(accuracy_with(800), with_fewer=accuracy_with(200), growth=4)
    assert measured == pytest.approx(exponent)
    now = accuracy_with(800)
    half = (1 - now) / 8
    share = Proportion(value=now, low=now - half, high=now + half)
    expected = extrapolate(share, measured, growth=2.5)
    gain = accuracy_with(2000) - now
    assert expected.value == pytest.approx(now + gain)
    assert expected.value - expected.low == pytest.approx(math.hypot(gain, half))


@pytest.mark.parametrize(
    ("fewer", "now", "exponent"),
    [(0.9, 0.9, 0), (0.95, 0.9, 0), (1.0, 1.0, 0), (0.5, 1.0, 0), (0.0, 0.9, 0.5)],
    ids=["flat", "falling", "perfect", "without an error", "steep"],
)
def test_an_exponent_is_bounded(fewer: float, now: float, exponent: float) -> None:
    assert measure_exponent(now, with_fewer=fewer, growth=2) == exponent
    assert measure_exponent(now, with_fewer=fewer, growth=1) == 0


def test_without_a_slope_an_accuracy_stays() -> None:
    accuracy = Proportion(value=0.8, low=0.7, high=0.9)
    expected = extrapolate(accuracy, 0.0, growth=4)
    assert (expected.value, expected.low, expected.high) == pytest.approx((0.8, 0.7, 0.9))


@given(st.floats(0, 1), st.floats(-1, 1), st.floats(0, 0.5))
def test_an_expected_accuracy_is_a_proportion(value: float, gain: float, half: float) -> None:
    accuracy = Proportion(value=value, low=max(value - half, 0), high=min(value + half, 1))
    change = ProportionDifference(value=gain, low=max(gain - half, -1), high=min(gain + half, 1))
    expected = add_gain(accuracy, change)
    assert 0 <= expected.low <= expected.value <= expected.high <= 1


@pytest.mark.parametrize(
    ("measured_on", "accuracy", "gain"),
    [(0.6, 0.8, 0.1), (0.6, 0.6, 0.2), (0.6, 0.4, 0.2), (0.6, 1.0, 0.0), (1.0, 1.0, 0.2)],
    ids=["half the errors", "the same", "more errors", "no error", "no error before"],
)
def test_a_gain_removes_the_same_share_of_fewer_errors(
    measured_on: float, accuracy: float, gain: float
) -> None:
    measured = ProportionDifference(value=0.2, low=-0.1, high=0.4)
    scaled = scale_gain(measured, measured_on=measured_on, accuracy=accuracy)
    assert scaled.value == pytest.approx(gain)
    assert (scaled.low, scaled.high) == pytest.approx((-gain / 2, 2 * gain))
