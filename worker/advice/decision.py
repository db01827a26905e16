"""Choose a training strategy from measurements.

The four cases are those of "Transfer Learning" in Stanford's CS231n notes: few or many images,
similar or dissimilar to the images that the weights were trained on. Here measurements decide both.
Where a head would stay weak all layers are trained, as with many images: training starts from that
head and keeps it if no epoch is better, so few images are no danger.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.advice.schemas import Proportion, ProportionDifference
from app.errors import BudgetTooSmall
from app.ml.recipe import Strategy

MANY_IMAGES_PER_CLASS = 200
"""With about 100 images per class (Oxford Pets), a linear head is as good as fine-tuning; with 500
(CIFAR-100) it is clearly worse: Kornblith et al., "Do Better ImageNet Models Transfer Better?",
2019, section 4."""

STRONG_ACCURACY = 0.9
"""The expected accuracy of a linear head from which fine-tuning on few images gains less than the
noise; below it `make bench-accuracy` shows gains of up to 17 points."""

SATURATED_ACCURACY = 0.99
"""The accuracy of a linear head above which training more layers gains less than the noise."""


_PREFERENCES: dict[tuple[bool, bool], tuple[Strategy, ...]] = {
    (False, True): ("feature_extract", "partial", "fine_tune"),
    (False, False): ("partial", "feature_extract", "fine_tune"),
    (True, True): ("fine_tune", "partial", "feature_extract"),
    (True, False): ("fine_tune", "partial", "feature_extract"),
}
"""The strategies from best to worst for each case of (many images or a weak head, like)."""


@dataclass(frozen=True)
class Measurements:
    """The measurements to decide on; both probes used the same images.

    images_per_class is the median over classes; late and early are the accuracies on the features
    of the last and of an earlier stage, gap their difference. expected is the better of the two,
    extrapolated to all training images.
    """

    images_per_class: float
    late: Proportion
    early: Proportion
    gap: ProportionDifference
    expected: Proportion

    @property
    def is_many(self) -> bool:
        return self.images_per_class >= MANY_IMAGES_PER_CLASS

    @property
    def is_like(self) -> bool:
        """True if the last features, trained for other classes, are as good as earlier ones."""
        return self.gap.value >= 0

    @property
    def is_weak(self) -> bool:
        """True if a head would be wrong often enough to leave room, even with all images."""
        return self.expected.value < STRONG_ACCURACY


@dataclass(frozen=True)
class Decision:
    """A strategy and why, in a sentence."""

    strategy: Strategy
    reason: str


def decide_strategy(
    measured: Measurements,
    seconds: Mapping[Strategy, float],
    *,
    architecture: str,
    early_stage: str,
    time_budget_seconds: float | None = None,
) -> Decision:
    """Return the best strategy of the case among those whose seconds are given.

    Strategies that take longer than the budget are skipped. Raises BudgetTooSmall, with the fastest
    strategy, where none is left.
    """
    order = _PREFERENCES[measured.is_many or measured.is_weak, measured.is_like]
    if measured.is_many and measured.is_like and measured.late.value >= SATURATED_ACCURACY:
        order = ("feature_extract", "partial", "fine_tune")
    possible = [strategy for strategy in order if strategy in seconds]
    budget = math.inf if time_budget_seconds is None else time_budget_seconds
    affordable = [strategy for strategy in possible if seconds[strategy] <= budget]
    if not affordable:
        fastest = min(possible, key=lambda strategy: seconds[strategy])
        raise BudgetTooSmall(
            f"No strategy trains {architecture} within {budget:g} seconds; the fastest, {fastest}, "
            f"needs about {seconds[fastest]:.1f} seconds. Raise time_budget_seconds."
        )
    strategy = affordable[0]
    reason = f"{_describe_case(measured, architecture, early_stage)}: {_MEANINGS[strategy]}"
    if strategy != order[0]:
        preferred = order[0]
        obstacle = (
            f"needs {seconds[preferred]:.0f} seconds of a budget of {budget:g}"
            if preferred in seconds
            else "is not possible with the request's other fields"
        )
        reason += f" ({preferred}, which would be better, {obstacle})"
    return Decision(strategy, f"{reason}.")


_MEANINGS: dict[Strategy, str] = {
    "feature_extract": "train a new head on them and freeze the rest",
    "partial": "keep the general early layers and retrain the later ones",
    "fine_tune": "train all layers",
}


def _describe_case(measured: Measurements, architecture: str, early_stage: str) -> str:
    late, early, expected = measured.late.value, measured.early.value, measured.expected
    size = "many" if measured.is_many else "few"
    is_clear = measured.gap.low > 0 or measured.gap.high < 0
    relation = "at least as well as" if measured.is_like else "worse than"
    case = (
        f"{measured.images_per_class:g} images per class are {size}, and {architecture}'s last "
        f"features separate the classes {relation} those of {early_stage} "
        f"({late:.3f} against {early:.3f}, {'clearly' if is_clear else 'within the noise'})"
    )
    if measured.is_weak:
        case += (
            f", but a head on frozen features would reach an accuracy of only {expected.value:.3f} "
            f"({expected.low:.3f} to {expected.high:.3f})"
        )
    return case
