"""Accuracy on held-out training images, as it is to be expected on the validation images.

A split may hold a class more often than another does. So each image gets the weight that makes its
class as frequent as it is among the validation images: post-stratification (Holt & Smith, "Post
Stratification", 1979). Intervals count the weighted images as the effective number of independent
ones (Kish, "Survey Sampling", 1965, section 11.7).
"""

import torch
from torch import Tensor

from app.advice.schemas import Proportion, ProportionDifference
from app.ml.trust.intervals import paired_difference_interval, wilson_interval


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


def _count_effective(weights: Tensor) -> float:
    return (weights.sum().square() / weights.square().sum()).item()
