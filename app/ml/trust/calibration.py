"""How far a model's confidence can be believed, and one number that mends it.

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
"""Of equal width, as in the paper."""

NUM_FOLDS = 5
"""Parts of which each is measured with the temperature that the others fitted."""

TEMPERATURE_RANGE = (0.05, 20.0)
"""Networks lie between 0.5 and 5; what lies beyond this says that the images cannot tell."""

MAX_FITTED = 10_000
"""Images that a temperature is fitted on, evenly taken: one number needs no more."""

_ROWS_AT_ONCE = 1024
_MAX_STEPS = 100
_PRECISION = 1e-6


@dataclass(frozen=True)
class Temperature:
    """What logits are divided by before the softmax; labels do not change.

    reason says why the images do not determine it, and is None where they do.
    """

    value: float
    reason: str | None


@dataclass(frozen=True)
class Calibrated:
    """The temperature of all images, and their logits by temperatures that they had no part in.

    across is None for a single image.
    """

    temperature: Temperature
    across: Tensor | None


@dataclass(frozen=True)
class Bin:
    """The images whose confidence lies in (lower, upper]; means are None in an empty bin."""

    lower: float
    upper: float
    num_images: int
    confidence: float | None
    accuracy: float | None


def fit_temperature(logits: Tensor, targets: Tensor) -> Temperature:
    """The temperature with the least cross-entropy on these images, in TEMPERATURE_RANGE.

    The cross-entropy is convex in 1/temperature, so that its one minimum is found by Newton's
    method within a shrinking bracket. Where every image is right it falls for ever as the
    temperature does: 1 is kept then, and the reason told.
    """
    if bool((logits.argmax(1) == targets).all()):
        return Temperature(1.0, "Every image is right, so that nothing bounds the confidence.")
    every = -(-len(targets) // MAX_FITTED)
    logits, targets = logits[::every], targets[::every]
    coldest, hottest = TEMPERATURE_RANGE
    low, high = 1 / hottest, 1 / coldest
    if _derivatives(logits, targets, low)[0] > 0:
        return Temperature(hottest, "The scores say next to nothing about the classes.")
    if _derivatives(logits, targets, high)[0] < 0:
        return Temperature(coldest, "Too few images are wrong to bound the confidence.")
    scale = 1.0
    for _ in range(_MAX_STEPS):
        slope, curvature = _derivatives(logits, targets, scale)
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
    """Fit the temperature, and once more for each fold of the images."""
    return Calibrated(
        fit_temperature(logits, targets),
        calibrate_across(logits, targets) if len(targets) > 1 else None,
    )


def calibrate_across(logits: Tensor, targets: Tensor, num_folds: int = NUM_FOLDS) -> Tensor:
    """Logits of each fold divided by the temperature that the other folds fitted.

    So no image has a part in its own temperature, and what is measured on the result holds for new
    images. Every num_folds-th image is one fold: of images in the order of their classes, each fold
    has its share of each class. num_folds is lowered to the number of images, of which there must
    be at least two.
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
    """NUM_BINS bins of equal width over the probability of the predicted class."""
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
    """The mean distance between confidence and accuracy over the images of a curve, 0 to 1."""
    total = sum(part.num_images for part in curve)
    return sum(
        part.num_images / total * abs(part.confidence - part.accuracy)
        for part in curve
        if part.confidence is not None and part.accuracy is not None
    )


def log_loss(logits: Tensor, targets: Tensor) -> float:
    """The mean cross-entropy in nats."""
    return float(cross_entropy(logits.double(), targets))


def _derivatives(logits: Tensor, targets: Tensor, scale: float) -> tuple[float, float]:
    """First and second derivative of the mean cross-entropy of `scale * logits` by scale.

    They are the mean distance of the expected logit from the target's, and its variance.
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
