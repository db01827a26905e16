"""Temperature and calibration error, compared with cases computed by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from app.ml.trust.calibration import (
    MAX_FITTED,
    NUM_BINS,
    TEMPERATURE_RANGE,
    calibrate_across,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability_curve,
)


def draw_logits(num_images: int, num_classes: int, *, scale: float) -> tuple[Tensor, Tensor]:
    """Logits that are perfectly calibrated once divided by scale: targets are drawn from them."""
    random = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(num_images, num_classes, generator=random)
    targets = torch.multinomial(logits.softmax(1), 1, generator=random)[:, 0]
    return scale * logits, targets


def test_three_of_four_correct_give_a_probability_of_three_quarters() -> None:
    logits = torch.tensor([[5.0, 0.0]] * 4)
    targets = torch.tensor([0, 0, 0, 1])
    temperature = fit_temperature(logits, targets)
    assert temperature.reason is None
    assert temperature.value == pytest.approx(5 / math.log(3), rel=1e-6)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0, 15.0])
def test_the_temperature_undoes_a_scale(scale: float) -> None:
    logits, targets = draw_logits(20_000, 5, scale=scale)
    assert fit_temperature(logits, targets).value == pytest.approx(scale, rel=0.03)


def test_no_other_temperature_has_a_lower_loss() -> None:
    logits, targets = draw_logits(300, 7, scale=3)
    best = fit_temperature(logits, targets).value
    losses = [
        float(cross_entropy(logits.double() / (best * factor), targets))
        for factor in (0.99, 1.0, 1.01)
    ]
    assert losses[1] == min(losses)


def test_the_temperature_is_1_where_every_image_is_correct() -> None:
    temperature = fit_temperature(torch.eye(4) * 3, torch.arange(4))
    assert temperature.value == 1.0
    assert "right on every image" in str(temperature.reason)


def test_a_temperature_outside_the_range_has_a_reason() -> None:
    coldest, hottest = TEMPERATURE_RANGE
    misleading = fit_temperature(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([1, 1]))
    assert (misleading.value, misleading.reason is None) == (hottest, False)
    logits = torch.tensor([[0.1, 0.0]] * 99 + [[1e-6, 0.0]])
    timid = fit_temperature(logits, torch.tensor([0] * 99 + [1]))
    assert (timid.value, timid.reason is None) == (coldest, False)


def test_equal_scores_do_not_fail() -> None:
    assert fit_temperature(torch.zeros(3, 2), torch.tensor([0, 1, 1])).value == pytest.approx(1.0)


def test_the_curve_counts_confidence_and_accuracy_by_bin() -> None:
    probabilities = torch.tensor([[0.95, 0.05], [0.97, 0.03], [0.55, 0.45], [1.0, 0.0]])
    curve = reliability_curve(probabilities.double().log(), torch.tensor([0, 1, 0, 0]))
    assert len(curve) == NUM_BINS
    filled = {index: part for index, part in enumerate(curve) if part.num_images}
    assert {index: part.num_images for index, part in filled.items()} == {8: 1, 14: 3}
    assert filled[14].confidence == pytest.approx((0.95 + 0.97 + 1.0) / 3)
    assert filled[14].accuracy == pytest.approx(2 / 3)
    assert (curve[3].confidence, curve[3].accuracy) == (None, None)
    assert (curve[0].lower, curve[-1].upper) == (0.0, 1.0)
    error = (3 * (2.92 / 3 - 2 / 3) + (1 - 0.55)) / 4
    assert expected_calibration_error(curve) == pytest.approx(error)


def test_cross_fitting_uses_the_other_folds() -> None:
    logits, targets = draw_logits(3000, 5, scale=4)
    scaled = calibrate_across(logits, targets)
    before = expected_calibration_error(reliability_curve(logits, targets))
    after = expected_calibration_error(reliability_curve(scaled, targets))
    assert (before > 0.2, after < 0.03) == (True, True)
    assert log_loss(scaled, targets) < log_loss(logits, targets)
    assert bool((scaled.argmax(1) == logits.argmax(1)).all())
    ours, others = torch.arange(3000) % 5 == 2, torch.arange(3000) % 5 != 2
    expected = logits[ours] / fit_temperature(logits[others], targets[others]).value
    assert torch.equal(scaled[ours], expected)


def test_two_images_are_enough_for_cross_fitting() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert torch.equal(calibrate_across(logits, torch.tensor([0, 1])), logits)


def test_large_sets_are_subsampled_and_summed_in_parts() -> None:
    logits, targets = draw_logits(2 * MAX_FITTED, 3, scale=2)
    temperature = fit_temperature(logits, targets)
    assert temperature == fit_temperature(logits[::2], targets[::2])
    losses = [
        log_loss(logits[::2] / (temperature.value * factor), targets[::2])
        for factor in (0.99, 1.0, 1.01)
    ]
    assert losses[1] == min(losses)
