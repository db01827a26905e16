"""The gate's figures against hand-computed cases, and each reason to refuse."""

from fractions import Fraction
from math import comb

import pytest

from app.promotions.gate import Comparison, compare, find_objections, mcnemar_exact
from app.promotions.schemas import GateRule

NAMES = ["ants", "bees"]


def compare_counts(
    only_champion: int, only_candidate: int, *, both: int = 20, target: int = 0
) -> Comparison:
    """Compare on images of one class, and one image of the other that both get right."""
    targets = [target] * (only_champion + only_candidate + both) + [1 - target]
    wrong = 1 - target
    champion = [target] * only_champion + [wrong] * only_candidate + [target] * both
    candidate = [wrong] * only_champion + [target] * only_candidate + [target] * both
    return compare(NAMES, targets, [*champion, wrong], [*candidate, wrong])


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (3, 3, 1.0),
        (5, 0, 2 / 2**5),
        (0, 6, 2 / 2**6),
        (1, 5, 2 * (1 + 6) / 2**6),
        (9, 1, 2 * (1 + 10) / 2**10),  # the sign test's textbook 0.0215
        (2, 12, 2 * (1 + 14 + 91) / 2**14),  # 0.0129
    ],
)
def test_hand_computed_p_values(first: int, second: int, p: float) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(p, rel=1e-12)
    assert mcnemar_exact(second, first) == mcnemar_exact(first, second)


def test_many_pairs_are_summed_exactly() -> None:
    tail = Fraction(2 * sum(comb(2000, k) for k in range(941)), 2**2000)
    assert mcnemar_exact(940, 1060) == pytest.approx(float(tail), rel=1e-12)
    assert mcnemar_exact(0, 5000) == 0.0  # below what a float can hold


def test_only_images_with_exactly_one_correct_version_count() -> None:
    found = compare(
        ["a", "b", "c"],
        targets=[0, 0, 0, 1, 1, 2],
        champion=[0, 0, 1, 1, 2, 0],
        candidate=[0, 1, 2, 1, 1, 1],
    )
    assert (found.only_champion, found.only_candidate) == (1, 1)
    assert (found.champion_accuracy, found.candidate_accuracy) == (3 / 6, 3 / 6)
    (drop,) = found.drops
    assert (drop.class_name, drop.champion_recall, drop.candidate_recall) == ("a", 2 / 3, 1 / 3)
    assert drop.drop == pytest.approx(1 / 3)


def test_predictions_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        compare(NAMES, [0, 1], [0, 1], [0])


def test_a_candidate_that_is_significantly_worse_is_refused() -> None:
    rule = GateRule(max_class_drop=1.0)
    assert find_objections(rule, compare_counts(5, 0)) == []  # p = 0.0625
    (objection,) = find_objections(rule, compare_counts(6, 0))  # p = 0.03125
    assert "significantly worse" in objection
    assert "only the champion is right on 6" in objection
    assert "0.0312" in objection
    assert (
        find_objections(GateRule(max_class_drop=1.0, significance=0.03), compare_counts(6, 0)) == []
    )


def test_a_candidate_that_is_significantly_better_is_not_refused_as_different() -> None:
    assert find_objections(GateRule(), compare_counts(0, 30)) == []


def test_better_requires_significance() -> None:
    rule = GateRule(require="better")
    assert find_objections(rule, compare_counts(0, 6)) == []
    for only_champion, only_candidate in [(0, 5), (0, 0), (1, 2)]:
        (objection,) = find_objections(rule, compare_counts(only_champion, only_candidate))
        assert "not significantly better" in objection
    worse = find_objections(GateRule(require="better", max_class_drop=1.0), compare_counts(6, 0))
    assert ["significantly worse" in objection for objection in worse] == [True]


def test_the_recall_of_a_class_may_not_drop_by_more_than_the_margin() -> None:
    """Gains in one class do not compensate losses in another."""
    targets = [0] * 20 + [1] * 20
    champion = [0] * 20 + [0] * 10 + [1] * 10
    for lost, is_refused in [(1, False), (2, True)]:
        candidate = [1] * lost + [0] * (20 - lost) + [1] * 20
        found = compare(NAMES, targets, champion, candidate)
        assert found.candidate_accuracy > found.champion_accuracy
        objections = find_objections(GateRule(max_class_drop=0.05), found)
        assert bool(objections) is is_refused
        if is_refused:
            assert "'ants' falls from 1.000 to 0.900, by 0.100 > 0.05" in objections[0]
