"""Whether a candidate may replace the champion, decided on the images that both have answered.

Both answer the same images, so that only those count on which exactly one of them is right: a
paired test sees differences that two separate accuracies hide in their sampling of images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.promotions.schemas import ClassDrop, GateRule


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same images.

    only_champion and only_candidate count the images that one of them alone gets right; drops are
    the classes whose recall the candidate lowers, the largest drop first.
    """

    num_images: int
    champion_accuracy: float
    candidate_accuracy: float
    only_champion: int
    only_candidate: int
    p_value: float
    drops: list[ClassDrop]


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The two-sided p value of McNemar's exact test.

    Of two equally good classifiers each is as likely as the other to be the one that is right where
    exactly one is: the smaller count's binomial tail with chance 1/2, doubled, at most 1.
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
    """Set two versions' predicted classes against each other; all are positions in class_names.

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


def find_objections(rule: GateRule, found: Comparison) -> list[str]:
    """Why the candidate may not replace the champion, with figures; empty if it may."""
    objections = []
    counts = (
        f"of {found.num_images} images the champion alone gets {found.only_champion} right and the "
        f"candidate alone {found.only_candidate}; McNemar's exact p = {found.p_value:.3g}"
    )
    is_significant = found.p_value < rule.significance
    is_better = found.only_candidate > found.only_champion
    if is_significant and not is_better:
        objections.append(f"It is significantly worse ({counts} < {rule.significance:g}).")
    elif rule.require == "better" and not (is_significant and is_better):
        bound = f", which is not below {rule.significance:g}" if not is_significant else ""
        objections.append(f"It is not significantly better ({counts}{bound}).")
    objections.extend(
        f"The recall of {one.class_name!r} falls from {one.champion_recall:.3f} to "
        f"{one.candidate_recall:.3f}, by {one.drop:.3f} > {rule.max_class_drop:g}."
        for one in found.drops
        if one.drop > rule.max_class_drop
    )
    return objections
