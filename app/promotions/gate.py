"""Compare a candidate with the champion on the same images, and apply the gate's rule.

The comparison counts the images that exactly one of the two classifies correctly. Such a paired
test detects smaller differences than a comparison of two accuracies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.promotions.schemas import ClassDrop, GateRule


@dataclass(frozen=True)
class Comparison:
    """A comparison of two versions on the same images.

    only_champion and only_candidate count the images that only one of them classifies correctly.
    drops are the classes with a lower recall of the candidate, the largest drop first.
    """

    num_images: int
    champion_accuracy: float
    candidate_accuracy: float
    only_champion: int
    only_candidate: int
    p_value: float
    drops: list[ClassDrop]


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided p value of McNemar's exact test.

    Under the null hypothesis, each of two classifiers is equally likely to be the correct one where
    exactly one is. So p is the smaller count's binomial tail for 1/2, doubled, at most 1.
    Source: McNemar, "Note on the sampling error of the difference between correlated proportions
    or percentages", Psychometrika 12, 1947; in its exact form as the sign test.
    """
    pairs = only_first + only_second
    term = tail = 1
    for successes in range(min(only_first, only_second)):
        term = term * (pairs - successes) // (successes + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << pairs))


def compare(
    class_names: Sequence[str],
    targets: Sequence[int],
    champion: Sequence[int],
    candidate: Sequence[int],
) -> Comparison:
    """Compare two versions' predicted classes; all values are indices in class_names.

    Raises ValueError for sequences of different lengths.
    """
    num_right = {"champion": [0] * len(class_names), "candidate": [0] * len(class_names)}
    support = [0] * len(class_names)
    only_champion = only_candidate = 0
    for target, before, after in zip(targets, champion, candidate, strict=True):
        support[target] += 1
        num_right["champion"][target] += before == target
        num_right["candidate"][target] += after == target
        only_champion += before == target != after
        only_candidate += after == target != before
    drops = [
        ClassDrop(
            class_name=name,
            champion_recall=before / images,
            candidate_recall=after / images,
            drop=(before - after) / images,
        )
        for name, before, after, images in zip(
            class_names, num_right["champion"], num_right["candidate"], support, strict=True
        )
        if before > after
    ]
    return Comparison(
        num_images=len(targets),
        champion_accuracy=sum(num_right["champion"]) / len(targets),
        candidate_accuracy=sum(num_right["candidate"]) / len(targets),
        only_champion=only_champion,
        only_candidate=only_candidate,
        p_value=mcnemar_exact(only_champion, only_candidate),
        drops=sorted(drops, key=lambda one: -one.drop),
    )


def find_objections(rule: GateRule, comparison: Comparison) -> list[str]:
    """Return the reasons against the candidate, with figures; empty if it passes."""
    objections = []
    counts = (
        f"of {comparison.num_images} images, only the champion is right on "
        f"{comparison.only_champion} and only the candidate on {comparison.only_candidate}; "
        f"McNemar's exact p = {comparison.p_value:.3g}"
    )
    is_significant = comparison.p_value < rule.significance
    is_better = comparison.only_candidate > comparison.only_champion
    if is_significant and not is_better:
        objections.append(f"It is significantly worse ({counts} < {rule.significance:g}).")
    elif rule.require == "better" and not (is_significant and is_better):
        bound = f", which is not below {rule.significance:g}" if not is_significant else ""
        objections.append(f"It is not significantly better ({counts}{bound}).")
    objections.extend(
        f"The recall of {one.class_name!r} falls from {one.champion_recall:.3f} to "
        f"{one.candidate_recall:.3f}, by {one.drop:.3f} > {rule.max_class_drop:g}."
        for one in comparison.drops
        if one.drop > rule.max_class_drop
    )
    return objections
