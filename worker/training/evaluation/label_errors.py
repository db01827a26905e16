"""Label errors, found by a model that was not trained on the labels in question.

The labels are taken for those of calibrated predictions of which an unknown share was replaced by
another class at random (random classification noise: Angluin & Laird, "Learning From Noisy
Examples", 1988). Temperature and share are fitted together, so that hard images make the model
less confident and only impossible labels count as errors. What follows for each image is the
probability that its label is wrong, one minus the local false discovery rate (Efron, 2004).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.datasets.label_errors import LabelError
from app.datasets.report import MAX_LISTED
from app.jobs.report_schemas import LabelCheck
from worker.training.evaluation.scored import Scored

MIN_IMAGES = 5
"""Images of a class: with fewer, hardly any are left to learn it from out of fold."""

MIN_PRECISION = 0.5
"""The expected precision at which the list ends."""

MIN_PROBABILITY = 0.3
"""The probability of an error below which an image is not listed, however sure the others are."""

MAX_FITTED = 10_000
"""The largest number of images that the two numbers of the noise are fitted on."""

_TEMPERATURES = torch.logspace(-1, 1, 81, dtype=torch.float64)
_NUM_STEPS = 50


@dataclass(frozen=True)
class LabelNoise:
    """The temperature of the predictions, and the share of labels that are wrong, 0 to 1."""

    temperature: float
    rate: float


def check_labels(class_names: Sequence[str], out_of_fold: Scored | None) -> LabelCheck:
    """Return the training images with suspected label errors, the most probable error first.

    The list is as long as at least half of it are expected to be errors. out_of_fold are the
    training images, each scored by a model that had not seen it.
    """
    if out_of_fold is None:
        return _not_checked("No training image was scored by a model that was not trained on it.")
    counts = torch.bincount(out_of_fold.targets, minlength=len(class_names))
    is_checked = counts >= MIN_IMAGES
    if int(is_checked.sum()) < 2:  # noqa: PLR2004 - a label needs an alternative
        return _not_checked(f"Fewer than two classes have {MIN_IMAGES} training images.")
    images = is_checked[out_of_fold.targets].nonzero()[:, 0]
    targets = (is_checked.cumsum(0) - 1)[out_of_fold.targets[images]]
    logits = out_of_fold.logits[images][:, is_checked].double()
    noise = fit_noise(logits, targets)
    wrong = find_wrong(logits, targets, noise)
    order = wrong.argsort(descending=True, stable=True)
    precision = wrong[order].cumsum(0) / torch.arange(1, len(order) + 1)
    is_listed = (precision >= MIN_PRECISION) & (wrong[order] >= MIN_PROBABILITY)
    num_suspects = int(is_listed.sum())
    probabilities = (logits / noise.temperature).softmax(1)
    others = probabilities.scatter(1, targets[:, None], -1.0)
    classes = is_checked.nonzero()[:, 0]
    return LabelCheck(
        num_images=len(images),
        num_suspects=num_suspects,
        expected_precision=float(precision[num_suspects - 1]) if num_suspects else None,
        suspects=[
            LabelError(
                image_id=out_of_fold.image_ids[images[index]],
                path=out_of_fold.paths[images[index]],
                label=class_names[int(classes[targets[index]])],
                suggested_label=class_names[int(classes[others[index].argmax()])],
                probability=float(others[index].max()),
                error_probability=float(wrong[index]),
            )
            for index in order[: min(num_suspects, MAX_LISTED)].tolist()
        ],
        reason=None,
    )


def fit_noise(logits: Tensor, targets: Tensor) -> LabelNoise:
    """Fit temperature and rate with the highest likelihood: a grid of one, bisection for the other.

    logits: float64 [num_images, num_classes]; targets: int64 [num_images]. For a given temperature
    the log-likelihood is concave in the rate.
    """
    every = -(-len(targets) // MAX_FITTED)
    logits, targets = logits[::every], targets[::every]
    best = LabelNoise(1.0, 0.0)
    best_likelihood = -float("inf")
    for temperature in _TEMPERATURES:
        own = (logits / temperature).softmax(1).gather(1, targets[:, None])[:, 0]
        replaced = (1 - own) / (logits.shape[1] - 1)
        rate = _fit_rate(own, replaced)
        likelihood = ((1 - rate) * own + rate * replaced).clamp_min(1e-300).log().sum().item()
        if likelihood > best_likelihood:
            best, best_likelihood = LabelNoise(temperature.item(), rate), likelihood
    return best


def find_wrong(logits: Tensor, targets: Tensor, noise: LabelNoise) -> Tensor:
    """Return the probability that each label is wrong, float64 [num_images], 0 to 1."""
    own = (logits / noise.temperature).softmax(1).gather(1, targets[:, None])[:, 0]
    replaced = noise.rate * (1 - own) / (logits.shape[1] - 1)
    return replaced / ((1 - noise.rate) * own + replaced).clamp_min(1e-300)


def _fit_rate(own: Tensor, replaced: Tensor) -> float:
    """Return the rate in 0 to 0.5 with the highest likelihood, by bisection of its derivative."""
    low, high = 0.0, 0.5
    for _ in range(_NUM_STEPS):
        rate = (low + high) / 2
        slope = ((replaced - own) / ((1 - rate) * own + rate * replaced).clamp_min(1e-300)).sum()
        low, high = (rate, high) if slope > 0 else (low, rate)
    return (low + high) / 2


def _not_checked(reason: str) -> LabelCheck:
    return LabelCheck(num_images=0, num_suspects=0, suspects=None, reason=reason)
