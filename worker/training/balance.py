"""Decide whether the loss weights rare classes as much as frequent ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.jobs.schemas import BalanceFigures, ResolvedClassBalance
from app.ml.recipe import ClassBalance
from worker.training.evaluation.figures import measure_balanced_accuracy
from worker.training.head import (
    FOLDS,
    Solution,
    pick_best,
    solve_path,
    take_until,
)
from worker.training.objective import weigh_classes

_NEARLY_EQUAL = 1.5
"""Largest class size divided by the smallest, below which weights change next to nothing."""


@dataclass(frozen=True)
class Balance:
    """What was decided, the class weights that follow from it, and the heads it was decided by.

    resolved is None where the recipe decides. class_weights, float32 [num_classes], is None where
    all images count the same. solutions are the heads for each L2 strength under these weights.
    """

    resolved: ResolvedClassBalance | None
    class_weights: Tensor | None
    solutions: Sequence[Solution]

    @property
    def best(self) -> Solution:
        return pick_best(self.solutions)


@dataclass(frozen=True)
class SolvedHeads:
    """The heads on the features of all training images.

    features: float32 [num_images, num_features] of the plain view, in the order of the split.
    targets: int64 [num_images].
    """

    features: Tensor
    targets: Tensor
    balance: Balance

    def weigh(self, targets: Tensor) -> Tensor | None:
        """Return class weights for some of the images, where the heads were solved with weights."""
        weights = self.balance.class_weights
        return None if weights is None else weigh_classes(targets, len(weights))


def choose_balance(  # noqa: PLR0913 -- each is one thing the caller knows
    features: Tensor,
    targets: Tensor,
    *,
    num_classes: int,
    l2_strengths: tuple[float, ...],
    folds: int = FOLDS,
    should_end: Callable[[], bool] = lambda: False,
) -> Balance:
    """Solve for heads with and without class weights; keep those with more balanced accuracy.

    The balanced accuracy is the mean over classes of the share of their images that heads get right
    which were not fitted to them. Classes of nearly equal size are not weighted, and neither are
    those of which none has two images. should_end: asked after each strength, whether those so far
    have to do; the other arguments are those of `solve_path`.
    """
    counts = torch.bincount(targets, minlength=num_classes)
    imbalance = (counts.max() / counts.clamp_min(1).min()).item()
    can_hold_out = bool(counts.max() > 1)
    if not can_hold_out:
        l2_strengths = (max(l2_strengths),)
    weights = None
    if imbalance >= _NEARLY_EQUAL and len(l2_strengths) > 1:
        weights = weigh_classes(targets, num_classes)

    def solve(class_weights: Tensor | None) -> Iterator[Solution]:
        return solve_path(
            features,
            targets,
            num_classes=num_classes,
            l2_strengths=l2_strengths,
            folds=folds,
            class_weights=class_weights,
        )

    if weights is None:
        resolved = ResolvedClassBalance(chosen="none", imbalance=imbalance)
        return Balance(resolved, None, list(take_until(should_end, solve(None))))
    pairs = zip(solve(None), solve(weights), strict=True)
    plain, weighted = zip(*take_until(should_end, pairs), strict=True)
    without, with_ = (_measure(pick_best(path), targets, num_classes) for path in (plain, weighted))
    is_better = with_.cv_balanced_accuracy > without.cv_balanced_accuracy
    resolved = ResolvedClassBalance(
        chosen="loss" if is_better else "none",
        imbalance=imbalance,
        without_weights=without,
        with_weights=with_,
    )
    return Balance(resolved, *((weights, weighted) if is_better else (None, plain)))


def solve_heads(  # noqa: PLR0913 -- each is one thing the caller knows
    class_balance: ClassBalance,
    features: Tensor,
    targets: Tensor,
    *,
    num_classes: int,
    l2_strengths: tuple[float, ...],
    folds: int = FOLDS,
    should_end: Callable[[], bool] = lambda: False,
) -> Balance:
    """Return the heads under a recipe's class balance.

    Without steps there is nothing to sample, so `sampling` weighs classes as `loss` does. Where no
    class has two images, the only head is that of the strongest penalty, without cross-validation.
    The other arguments are those of `choose_balance`.
    """
    if class_balance == "auto":
        return choose_balance(
            features,
            targets,
            num_classes=num_classes,
            l2_strengths=l2_strengths,
            folds=folds,
            should_end=should_end,
        )
    weights = None if class_balance == "none" else weigh_classes(targets, num_classes)
    path = solve_path(
        features,
        targets,
        num_classes=num_classes,
        l2_strengths=l2_strengths if targets.bincount().max() > 1 else (max(l2_strengths),),
        folds=folds,
        class_weights=weights,
    )
    return Balance(None, weights, list(take_until(should_end, path)))


def _measure(solution: Solution, targets: Tensor, num_classes: int) -> BalanceFigures:
    if solution.out_of_fold is None or solution.held_out is None:
        raise AssertionError("only cross-validated heads are compared")
    held_out = targets[solution.held_out]
    predicted = solution.out_of_fold[solution.held_out].argmax(1)
    return BalanceFigures(
        cv_accuracy=(predicted == held_out).double().mean().item(),
        cv_balanced_accuracy=measure_balanced_accuracy(held_out, predicted, num_classes),
    )
