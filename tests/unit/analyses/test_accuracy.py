"""Held-out training images count as often as their classes are among the validation images."""

import pytest
import torch
from torch import Tensor

from app.ml.recipe import ClassBalance
from app.ml.trust.intervals import paired_difference_interval, wilson_interval
from tests.unit.training.test_balance import make_clouds
from worker.advice.accuracy import measure_difference, measure_share, weigh_images
from worker.advice.probe import ProbeResult, cross_validate


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
