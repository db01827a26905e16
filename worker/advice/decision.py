"""Which strategy the measurements speak for.

The four cases of "Transfer Learning" in Stanford's CS231n notes: few or many images, like or unlike
what the weights were trained on. Both words are filled by measurement here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.advice.schemas import Proportion, ProportionDifference
from app.errors import BudgetTooSmall
from app.ml.recipe import Strategy
from app.ml.trust.intervals import Z_95

MANY_IMAGES_PER_CLASS = 200
"""With about 100 images a class (Oxford Pets) a linear head does as well as fine-tuning, with 500
(CIFAR-100) it falls clearly behind: Kornblith et al., "Do Better ImageNet Models Transfer Better?",
2019, section 4."""

SATURATED_ACCURACY = 0.99
"""Of a linear head: what more layers could still win is within the noise of most data sets."""


_PREFERENCES: dict[tuple[bool, bool], tuple[Strategy, ...]] = {
    (False, True): ("feature_extract", "partial", "fine_tune"),
    (False, False): ("partial", "feature_extract", "fine_tune"),
    (True, True): ("fine_tune", "partial", "feature_extract"),
    (True, False): ("fine_tune", "partial", "feature_extract"),
}
"""The strategies from best to worst for each case of (many, like)."""


@dataclass(frozen=True)
class Evidence:
    """What was measured: images_per_class is the median, the probes saw the same images."""

    images_per_class: float
    late: Proportion
    early: Proportion
    gap: ProportionDifference

    @property
    def is_many(self) -> bool:
        return self.images_per_class >= MANY_IMAGES_PER_CLASS

    @property
    def is_like(self) -> bool:
        """The last features, made for other classes, lose nothing to earlier, general ones."""
        return self.gap.value >= 0


@dataclass(frozen=True)
class Decision:
    """A strategy and why, in a sentence."""

    strategy: Strategy
    reason: str


def decide_strategy(
    evidence: Evidence,
    seconds: Mapping[Strategy, float],
    *,
    architecture: str,
    early_stage: str,
    time_budget_seconds: float | None = None,
) -> Decision:
    """The strategy of the case at hand, among those whose seconds are given.

    One that takes longer than the budget gives way to the next of its case; raises BudgetTooSmall,
    naming the fastest, where none is left.
    """
    order = _PREFERENCES[evidence.is_many, evidence.is_like]
    if evidence.is_many and evidence.is_like and evidence.late.value >= SATURATED_ACCURACY:
        order = ("feature_extract", "partial", "fine_tune")
    possible = [strategy for strategy in order if strategy in seconds]
    budget = math.inf if time_budget_seconds is None else time_budget_seconds
    affordable = [strategy for strategy in possible if seconds[strategy] <= budget]
    if not affordable:
        fastest = min(possible, key=lambda strategy: seconds[strategy])
        raise BudgetTooSmall(
            f"Nothing trains {architecture} within {budget:g} seconds; the fastest strategy, "
            f"{fastest}, would take about {seconds[fastest]:.1f}."
        )
    strategy = affordable[0]
    reason = f"{_describe_case(evidence, architecture, early_stage)}: {_MEANINGS[strategy]}"
    if strategy != order[0]:
        preferred = order[0]
        told = (
            f"would take {seconds[preferred]:.0f} of {budget:g} seconds"
            if preferred in seconds
            else "does not go with the other fields"
        )
        reason += f" ({preferred}, which would be better, {told})"
    return Decision(strategy, f"{reason}.")


_MEANINGS: dict[Strategy, str] = {
    "feature_extract": "train a new head on them and leave the rest as it is",
    "partial": "keep the general early layers and retrain the later ones",
    "fine_tune": "let all layers learn",
}


def compare(late: Sequence[bool], early: Sequence[bool]) -> ProportionDifference:
    """The difference of two probes' accuracies over the same images.

    Source of the interval: Wald's for paired shares (Agresti, Categorical Data Analysis, 2013,
    section 11.1).
    """
    differences = [int(one) - int(other) for one, other in zip(late, early, strict=True)]
    num_images = len(differences)
    mean = sum(differences) / num_images
    variance = sum(difference**2 for difference in differences) / num_images - mean**2
    margin = Z_95 * math.sqrt(max(variance, 0.0) / num_images)
    return ProportionDifference(
        value=mean, low=max(mean - margin, -1.0), high=min(mean + margin, 1.0)
    )


def _describe_case(evidence: Evidence, architecture: str, early_stage: str) -> str:
    late, early = evidence.late.value, evidence.early.value
    size = "many" if evidence.is_many else "few"
    is_clear = evidence.gap.low > 0 or evidence.gap.high < 0
    relation = "at least as well as" if evidence.is_like else "worse than"
    return (
        f"{evidence.images_per_class:g} images a class are {size}, and {architecture}'s last "
        f"features separate the classes {relation} those of {early_stage} "
        f"({late:.3f} against {early:.3f}, {'clearly' if is_clear else 'within the noise'})"
    )
