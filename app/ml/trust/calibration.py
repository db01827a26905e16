"""Measure how well a model's confidences match its accuracy, and calibrate them by a temperature.

Temperature scaling and the reliability curve are those of Guo, Pleiss, Sun & Weinberger, "On
Calibration of Modern Neural Networks" (ICML 2017). Logits are float [num_images, num_classes],
targets int64 [num_images]; sums are in double precision.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

NUM_BINS = 15
"""The number of bins of equal width, as in the paper."""

NUM_FOLDS = 5
"""The number of folds for cross-fitted temperatures."""

TEMPERATURE_RANGE = (0.05, 20.0)
"""Networks' temperatures are between 0.5 and 5. A best value outside this range means that the
images do not determine the temperature."""

MAX_FITTED = 10_000
"""The largest number of images to fit a temperature on; one number needs no more."""

_ROWS_AT_ONCE = 1024
_MAX_STEPS = 100
_PRECISION = 1e-6


@dataclass(frozen=True)
class Temperature:
    """The divisor of the logits before the softmax; it does not change the predicted labels.

    reason explains why the images do not determine the value; None where they do.
    """

    value: float
    reason: str | None


@dataclass(frozen=True)
class Calibrated:
    """The temperature fitted on all images, and the cross-fitted logits.

    across: each image's logits divided by a temperature that was fitted without this image; None
    for a single image.
    """

    temperature: Temperature
    across: Tensor | None


@dataclass(frozen=True)
class Bin:
    """The images with a confidence in (lower, upper]; the means are None in an empty bin."""

    lower: float
    upper: float
    num_images: int
    confidence: float | None
    accuracy: float | None


def fit_temperature(logits: Tensor, targets: Tensor) -> Temperature:
    """Fit the temperature with the lowest cross-entropy on these images, in TEMPERATURE_RANGE.

    The cross-entropy is convex in 1/temperature, so Newton's method within a shrinking bracket
    finds its only minimum. Where the model is right on every image, the cross-entropy has no
    minimum; the temperature is then 1, with a reason.
    """
    if bool((logits.argmax(1) == targets).all()):
        return Temperature(
            1.0, "The model is right on every image, so the images set no limit to its confidence."
        )
    every = -(-len(targets) // MAX_FITTED)
    logits, targets = logits[::every], targets[::every]
    coldest, hottest = TEMPERATURE_RANGE
    low, high = 1 / hottest, 1 / coldest
    if _compute_derivatives(logits, targets, low)[0] > 0:
        return Temperature(hottest, "The scores carry almost no information about the classes.")
    if _compute_derivatives(logits, targets, high)[0] < 0:
        return Temperature(coldest, "The model is wrong on too few images to limit its confidence.")
    scale = 1.0
    for _ in range(_MAX_STEPS):
        slope, curvature = _compute_derivatives(logits, targets, scale)
        if slope > 0:
            high = scale
        else:
            low = scale
        newton = scale - slope / curvature if curvature > 0 else scale
        following = newton if low <= newton <= high else math.sqrt(low * high)
        if abs(following - scale) <= _PRECISION * scale:
            break
        scale = following
    return Temperature(1 / scale, None)


def calibrate(logits: Tensor, targets: Tensor) -> Calibrated:
    """Fit the temperature on all images, and cross-fit it over folds of the images."""
    return Calibrated(
        fit_temperature(logits, targets),
        calibrate_across(logits, targets) if len(targets) > 1 else None,
    )


def calibrate_across(logits: Tensor, targets: Tensor, num_folds: int = NUM_FOLDS) -> Tensor:
    """Divide the logits of each fold by the temperature fitted on the other folds.

    No image contributes to its own temperature, so measurements on the result hold for new images.
    Every num_folds-th image belongs to one fold; for images ordered by class, each fold gets its
    share of each class. num_folds is at most the number of images, which must be at least two.
    """
    num_folds = min(num_folds, len(targets))
    fold = torch.arange(len(targets)) % num_folds
    scaled = torch.empty_like(logits)
    for held_out in range(num_folds):
        is_held_out = fold == held_out
        temperature = fit_temperature(logits[~is_held_out], targets[~is_held_out])
        scaled[is_held_out] = logits[is_held_out] / temperature.value
    return scaled


def reliability_curve(logits: Tensor, targets: Tensor) -> list[Bin]:
    """Bin the images by the probability of the predicted class: NUM_BINS bins of equal width."""
    confidences, predicted = logits.double().softmax(1).max(1)
    is_right = (predicted == targets).double()
    positions = (confidences * NUM_BINS).ceil().long().clamp(1, NUM_BINS) - 1
    counts = torch.bincount(positions, minlength=NUM_BINS).tolist()
    confidence_sums = torch.bincount(positions, confidences, NUM_BINS).tolist()
    right_sums = torch.bincount(positions, is_right, NUM_BINS).tolist()
    return [
        Bin(
            lower=index / NUM_BINS,
            upper=(index + 1) / NUM_BINS,
            num_images=count,
            confidence=confidence_sums[index] / count if count else None,
            accuracy=right_sums[index] / count if count else None,
        )
        for index, count in enumerate(counts)
    ]


def expected_calibration_error(curve: list[Bin]) -> float:
    """Compute the mean absolute difference between confidence and accuracy, 0 to 1."""
    total = sum(part.num_images for part in curve)
    return sum(
        part.num_images / total * abs(part.confidence - part.accuracy)
        for part in curve
        if part.confidence is not None and part.accuracy is not None
    )


def log_loss(logits: Tensor, targets: Tensor) -> float:
    """Compute the mean cross-entropy in nats."""
    return float(cross_entropy(logits.double(), targets))


def _compute_derivatives(logits: Tensor, targets: Tensor, scale: float) -> tuple[float, float]:
    """Compute two derivatives by scale of the mean cross-entropy of `scale * logits`.

    These are the means of the expected logit minus the target's logit, and of the logits' variance.
    """
    slope = curvature = 0.0
    for start in range(0, len(targets), _ROWS_AT_ONCE):
        part = logits[start : start + _ROWS_AT_ONCE].double()
        part_targets = targets[start : start + _ROWS_AT_ONCE]
        centred = part - part.max(1, keepdim=True).values
        probabilities = (scale * centred).softmax(1)
        expected = (probabilities * centred).sum(1)
        variance = (probabilities * centred.square()).sum(1) - expected.square()
        slope += float((expected - centred.gather(1, part_targets[:, None])[:, 0]).sum())
        curvature += float(variance.sum())
    return slope / len(targets), curvature / len(targets)
