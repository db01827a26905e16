"""The accuracy to expect on the validation images, from held-out training images.

A split may hold a class more often than another does. So each image gets the weight that makes its
class as frequent as it is among the validation images: post-stratification (Holt & Smith, "Post
Stratification", 1979). Intervals count the weighted images as the effective number of independent
ones (Kish, "Survey Sampling", 1965, section 11.7). A head for held-out images is fitted to fewer
images than a job has; its error is extrapolated along its learning curve (Cortes et al., "Learning
Curves: Asymptotic Values and Rate of Convergence", 1993).
"""

import math

import torch
from torch import Tensor

from app.advice.schemas import Proportion, ProportionDifference
from app.ml.trust.intervals import paired_difference_interval, wilson_interval

LARGEST_EXPONENT = 0.5
"""Exponent of classical bounds; those that were measured are smaller (Hestness et al., "Deep
Learning Scaling is Predictable, Empirically", 2017)."""


def weigh_images(targets: Tensor, val_targets: Tensor) -> Tensor:
    """Return the weight of each image, float64 [num_images], with a mean of 1.

    targets and val_targets: int64, those of the held-out and of the validation images. All weights
    are equal where the two share no class.
    """
    num_classes = int(torch.cat([targets, val_targets.to(targets.device)]).max()) + 1
    counts = targets.bincount(minlength=num_classes).double()
    wanted = val_targets.to(targets.device).bincount(minlength=num_classes).double()
    weights = (wanted / counts.clamp_min(1))[targets]
    total = weights.sum()
    return weights * (len(targets) / total) if total > 0 else torch.ones_like(weights)


def measure_share(is_right: Tensor, weights: Tensor) -> Proportion:
    """Return the weighted share of correct images; bool and float64 [num_images]."""
    value = min((weights[is_right].sum() / weights.sum()).item(), 1.0)
    low, high = wilson_interval(value, _count_effective(weights))
    return Proportion(value=value, low=low, high=high)


def measure_difference(first: Tensor, second: Tensor, weights: Tensor) -> ProportionDifference:
    """Return the first weighted share minus the second; bool and float64 [num_images]."""
    scale = _count_effective(weights) / weights.sum().item()

    def count(images: Tensor) -> float:
        return weights[images].sum().item() * scale

    both, neither = count(first & second), count(~first & ~second)
    only_first, only_second = count(first & ~second), count(~first & second)
    low, high = paired_difference_interval(both, only_first, only_second, neither)
    value = (only_first - only_second) / (both + only_first + only_second + neither)
    return ProportionDifference(value=value, low=max(low, -1.0), high=min(high, 1.0))


def measure_exponent(accuracy: float, *, with_fewer: float, growth: float) -> float:
    """Return the exponent b of an error that falls as (number of images) ** -b.

    accuracy: that with growth times as many images as with_fewer. b is 0 where these brought
    nothing, and at most LARGEST_EXPONENT.
    """
    error, error_with_fewer = 1 - accuracy, 1 - with_fewer
    if growth <= 1 or not 0 < error < error_with_fewer:
        return 0.0
    return min(math.log(error_with_fewer / error) / math.log(growth), LARGEST_EXPONENT)


def extrapolate(accuracy: Proportion, exponent: float, *, growth: float) -> Proportion:
    """Return the accuracy with growth times as many images; its interval widens by the gain."""
    gain = (1 - accuracy.value) * (1 - growth**-exponent)
    return add_gain(accuracy, ProportionDifference(value=gain, low=0.0, high=min(2 * gain, 1.0)))


def scale_gain(
    gain: ProportionDifference, *, measured_on: float, accuracy: float
) -> ProportionDifference:
    """Return what a gain amounts to for another accuracy: the same share of its errors.

    measured_on: the accuracy before the gain. Where it was the higher one, the gain stays as it is.
    """
    errors_before, errors = 1 - measured_on, 1 - accuracy
    share = errors / errors_before if errors < errors_before else 1.0
    low, value, high = (share * one for one in (gain.low, gain.value, gain.high))
    return ProportionDifference(value=value, low=low, high=high)


def add_gain(accuracy: Proportion, gain: ProportionDifference) -> Proportion:
    """Add a gain to an accuracy; the squares of both intervals' halves add up."""
    value = accuracy.value + gain.value
    below = math.hypot(accuracy.value - accuracy.low, gain.value - gain.low)
    above = math.hypot(accuracy.high - accuracy.value, gain.high - gain.value)
    return Proportion(value=_clip(value), low=_clip(value - below), high=_clip(value + above))


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _count_effective(weights: Tensor) -> float:
    return (weights.sum().square() / weights.square().sum()).item()
