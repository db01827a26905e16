"""Decide on a strategy in the four cases, with and without a budget."""

import pytest

from app.advice.schemas import Proportion, ProportionDifference
from app.errors import BudgetTooSmall
from app.ml.recipe import Strategy
from worker.advice.decision import Decision, Measurements, decide_strategy

SECONDS: dict[Strategy, float] = {"feature_extract": 4.0, "partial": 20.0, "fine_tune": 60.0}


def measured(
    *, per_class: float, late: float, early: float, expected: float | None = None
) -> Measurements:
    def share(value: float) -> Proportion:
        return Proportion(value=value, low=max(value - 0.05, 0), high=min(value + 0.05, 1))

    gap = ProportionDifference(
        value=late - early, low=late - early - 0.04, high=late - early + 0.04
    )
    better = max(late, early) if expected is None else expected
    return Measurements(per_class, share(late), share(early), gap, share(better))


def decide(found: Measurements, budget: float | None = None, **seconds: float) -> Decision:
    return decide_strategy(
        found,
        seconds or SECONDS,  # type: ignore[arg-type] # names of strategies
        architecture="resnet18",
        early_stage="layer3",
        time_budget_seconds=budget,
    )


@pytest.mark.parametrize(
    ("per_class", "late", "early", "strategy"),
    [
        (20, 0.95, 0.9, "feature_extract"),
        (20, 0.9, 0.95, "partial"),
        (500, 0.95, 0.9, "fine_tune"),
        (500, 0.9, 0.95, "fine_tune"),
        (500, 0.995, 0.9, "feature_extract"),
        (20, 1.0, 1.0, "feature_extract"),
    ],
)
def test_size_and_similarity_decide(
    per_class: float, late: float, early: float, strategy: Strategy
) -> None:
    decision = decide(measured(per_class=per_class, late=late, early=early))
    assert decision.strategy == strategy
    for figure in (f"{per_class:g} images per class", f"{late:.3f}", f"{early:.3f}", "layer3"):
        assert figure in decision.reason
    assert decision.reason.count(".") == 1 + 2  # one sentence with two decimals


@pytest.mark.parametrize(
    ("expected", "strategy"),
    [(0.64, "fine_tune"), (0.89, "fine_tune"), (0.9, "feature_extract")],
)
def test_a_weak_head_is_not_advised(expected: float, strategy: Strategy) -> None:
    decision = decide(measured(per_class=12, late=0.64, early=0.6, expected=expected))
    assert decision.strategy == strategy
    is_explained = (
        f"an accuracy of only {expected:.3f} ({expected - 0.05:.3f} to" in decision.reason
    )
    assert is_explained == (strategy == "fine_tune")
    assert "at least as well as" in decision.reason


def test_the_reason_says_whether_the_gap_is_noise() -> None:
    assert "clearly" in decide(measured(per_class=20, late=0.9, early=0.8)).reason
    assert "within the noise" in decide(measured(per_class=20, late=0.82, early=0.8)).reason


def test_strategies_over_the_budget_are_skipped() -> None:
    many = measured(per_class=500, late=0.9, early=0.8)
    decision = decide(many, budget=30.0)
    assert decision.strategy == "partial"
    assert "fine_tune, which would be better, needs 60 seconds of a budget of 30" in decision.reason
    assert decide(many, budget=5.0).strategy == "feature_extract"
    with pytest.raises(BudgetTooSmall, match=r"feature_extract, needs about 4\.0"):
        decide(many, budget=1.0)


def test_only_possible_strategies_are_advised() -> None:
    decision = decide(measured(per_class=20, late=0.9, early=0.8), fine_tune=60.0, partial=20.0)
    assert decision.strategy == "partial"
    assert "is not possible with the request's other fields" in decision.reason
