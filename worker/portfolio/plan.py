"""Plan what fits into a time budget: pure functions of measured seconds and accuracies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from app.advice.schemas import ProportionDifference
from app.ml.trust.intervals import Z_95

CANDIDATES_SHARE = 0.5
"""Share of the budget for candidates where the rest may be used for fine-tuning."""

MAX_EPOCHS = 30
"""The most epochs of a plan; a longer training of a few images mostly learns them by heart."""

MAX_TRIAL_EPOCHS = 3
TRIAL_SHARE = 0.2
LONGEST_TRIAL_SHARE = 0.4
"""A trial has as many epochs as fit into the first share of the rest, but the fewest that
show a gain if these take at most the second share."""

_STEPS_TO_GAIN = 150
"""With fewer steps, a network may be behind its own head where more of them gain a lot."""

MIN_GAIN = 0.005
"""The gain in accuracy that fine-tuning has to promise, within one standard error."""

SAFETY = 1.1
"""Seconds are planned with this factor, because other work may slow the machine."""

_FINISH_SECONDS = 2.0
"""Seconds to store a model and its report, beside the passes over images."""

_SPREAD = 0.5
"""Standard deviation of accuracies around those that ImageNet accuracies predict, in logits."""

UNKNOWN_IMAGENET_ACCURACY = 0.75
"""The ImageNet accuracy that is assumed for weights without a published one."""

_SHORTEST_SECONDS = 1e-3
_LARGEST_ACCURACY = 0.999
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Prospect:
    """A candidate that was not tried yet: its estimated seconds, its ImageNet accuracy (0 to 1)."""

    architecture: str
    imagenet_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """The cross-validated accuracy of a candidate that was tried."""

    imagenet_accuracy: float
    accuracy: float


@dataclass(frozen=True)
class EvaluationCost:
    """The measured seconds per image, and the images that are evaluated at the end.

    num_evaluated: images of the validation and test splits; num_trust: images whose features the
    calibration needs, which are known where only a head is trained.
    """

    decoding: float
    forward: float
    num_evaluated: int
    num_trust: int

    @property
    def of_head(self) -> float:
        """Return the seconds to evaluate, calibrate and store a frozen backbone with its head."""
        return SAFETY * self.num_evaluated * (self.decoding + self.forward) + _FINISH_SECONDS

    @property
    def of_fine_tuned(self) -> float:
        """Return the seconds to evaluate, calibrate and store a fine-tuned network."""
        return SAFETY * (self.num_evaluated + self.num_trust) * self.forward + _FINISH_SECONDS


def expect_accuracy(imagenet_accuracy: float, outcomes: Sequence[Outcome]) -> float | None:
    """Predict a cross-validated accuracy; None before the first outcome.

    Transfer accuracy rises with ImageNet accuracy, linearly in logits (Kornblith et al., 2019); how
    difficult this dataset is comes from the outcomes.
    """
    if not outcomes:
        return None
    return _sigmoid(_logit(imagenet_accuracy) + _difficulty(outcomes))


def order(prospects: Sequence[Prospect], outcomes: Sequence[Outcome]) -> list[Prospect]:
    """Sort by expected improvement per second over the best so far, the highest first.

    Source: Snoek et al., "Practical Bayesian Optimization", 2012, section 3.2. Of equals the
    faster is first.
    """
    best = (
        max(_logit(one.accuracy) for one in outcomes)
        if outcomes
        else min((_logit(one.imagenet_accuracy) for one in prospects), default=0.0)
    )
    difficulty = _difficulty(outcomes) if outcomes else 0.0

    def score(prospect: Prospect) -> float:
        z = (_logit(prospect.imagenet_accuracy) + difficulty - best) / _SPREAD
        gain = _SPREAD * (_NORMAL.pdf(z) + z * _NORMAL.cdf(z))
        return max(gain, 0.0) / max(prospect.seconds, _SHORTEST_SECONDS)

    return sorted(prospects, key=lambda one: (-score(one), one.seconds, one.architecture))


def allow_candidate(
    total: float, used: float, reserve: float, *, may_fine_tune: bool, is_first: bool
) -> float:
    """Return the seconds that the next candidate may take; the first may use the whole budget."""
    share = CANDIDATES_SHARE if may_fine_tune and not is_first else 1.0
    return max(share * (total - reserve) - used, 0.0)


def count_fewest_epochs(num_images: int, batch_size: int) -> int:
    """Return the fewest epochs of fine-tuning that show a gain, 1 to MAX_TRIAL_EPOCHS."""
    steps = max(num_images // batch_size, 1)
    return min(math.ceil(_STEPS_TO_GAIN / steps), MAX_TRIAL_EPOCHS)


def plan_trial(left: float, epoch_seconds: float, setup_seconds: float, *, fewest: int) -> int:
    """Return the epochs of a trial of fine-tuning in the seconds that are left; 0 for no trial."""
    affordable = int((TRIAL_SHARE * left - setup_seconds) / epoch_seconds)
    if affordable >= fewest:
        return min(affordable, MAX_TRIAL_EPOCHS)
    is_affordable = setup_seconds + fewest * epoch_seconds <= LONGEST_TRIAL_SHARE * left
    return fewest if is_affordable else 0


def can_compare(left: float, trials: Sequence[float], trainings: Sequence[float]) -> bool:
    """Return whether all trials and then the longest training fit into the rest, all in seconds."""
    return SAFETY * (sum(trials) + max(trainings)) <= left


def plan_epochs(left: float, epoch_seconds: float, setup_seconds: float) -> int:
    """Return the epochs of fine-tuning that fit into the seconds that are left; 0 for none."""
    affordable = int((left / SAFETY - setup_seconds) / epoch_seconds)
    return min(max(affordable, 0), MAX_EPOCHS)


def would_pay(gain: ProportionDifference) -> bool:
    """Return whether a trial's gain promises at least MIN_GAIN, within one standard error."""
    standard_error = (gain.high - gain.low) / (2 * Z_95)
    return gain.value + standard_error >= MIN_GAIN


def _difficulty(outcomes: Sequence[Outcome]) -> float:
    return fmean(_logit(one.accuracy) - _logit(one.imagenet_accuracy) for one in outcomes)


def _logit(accuracy: float) -> float:
    accuracy = min(max(accuracy, 1 - _LARGEST_ACCURACY), _LARGEST_ACCURACY)
    return math.log(accuracy / (1 - accuracy))


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
