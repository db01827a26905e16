"""A linear head on frozen features: multinomial logistic regression, solved to convergence.

Source: Bishop, PRML, section 4.3.4; solver L-BFGS with a strong Wolfe line search (Liu & Nocedal,
1989).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import LBFGS

from app.errors import TooFewImages
from app.ml.runtime.seeding import derive_seed

FOLDS = 5
"""Folds of a cross-validation unless a recipe says otherwise."""

_MAX_ITERATIONS = 2000
_GRADIENT_TOLERANCE = 1e-5
_FOLD_TOLERANCE = 1e-4
"""Folds compare L2 strengths, so their heads end earlier, where scikit-learn's end by default."""

_HISTORY_SIZE = 20
_TYPICAL_EVALUATIONS = 100
"""Evaluations of the loss until a head is solved for, in order of magnitude: for planning only."""

_SMALLEST_SCALE = 1e-6
OWN_VARIANCE = 0.5
"""Share of a feature's own variance in the one it is scaled by; the rest is the median of all.

Among few images, some features hardly vary by chance. Scaled by their own variance alone, they
would outweigh the others in all further images (docs/results.md). Shrinking variances to their
median is from Opgen-Rhein & Strimmer, "Accurate Ranking of Differentially Expressed Genes by a
Distribution-Free Shrinkage Approach", 2007, who estimate the share.
"""
_NEVER_HELD_OUT = -1

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class LinearHead:
    """Scores are features @ weight.T + bias; float32 [num_classes, num_features], [num_classes]."""

    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        return torch.nn.functional.linear(features, self.weight, self.bias)


@dataclass(frozen=True)
class Solution:
    """The head for one L2 strength, and its evaluation on images it was not fitted to.

    cv_loss: mean cross-entropy in nats, cv_accuracy: 0..1, both over the images held_out (bool
    [num_images]); out_of_fold: their scores, float32 [num_images, num_classes], zero elsewhere.
    All four are None without cross-validation.
    """

    l2_strength: float
    head: LinearHead
    cv_loss: float | None = None
    cv_accuracy: float | None = None
    held_out: Tensor | None = None
    out_of_fold: Tensor | None = None


def solve_path(  # noqa: PLR0913 -- each is one thing the caller knows
    features: Tensor,
    targets: Tensor,
    *,
    num_classes: int,
    l2_strengths: Sequence[float],
    folds: int = FOLDS,
    class_weights: Tensor | None = None,
) -> Iterator[Solution]:
    """Yield the head for each L2 strength, cross-validated unless there is only one.

    features: float [num_images, num_features]; targets: int64 [num_images]; class_weights: the
    weight of an image of each class, float [num_classes]; None: all are equal. Penalties apply to
    features scaled to zero mean and a variance of about one (`OWN_VARIANCE`), so that they mean the
    same for every backbone.
    The problem is convex: the same input gives the same heads for every seed.
    Raises TooFewImages if several strengths are to be compared and no class has two images.
    """
    problem = _standardize(features, targets, num_classes, class_weights)
    if len(l2_strengths) == 1:
        (strength,) = l2_strengths
        yield Solution(strength, problem.unscale(problem.solve(strength)))
        return
    fold_of = _divide(targets, folds)
    held_out = fold_of != _NEVER_HELD_OUT
    if not held_out.any():
        raise explain_too_few(len(targets), num_classes)
    parts = [fold_of != fold for fold in range(folds) if (fold_of == fold).any()]
    whole: Tensor | None = None
    partial: list[Tensor | None] = [None] * len(parts)
    for strength in l2_strengths:
        scores = torch.zeros(len(targets), num_classes, device=targets.device)
        for number, part in enumerate(parts):
            fitted = problem.select(part).solve(
                strength, partial[number], tolerance=_FOLD_TOLERANCE
            )
            scores[~part] = problem.select(~part).score(fitted)
            partial[number] = fitted
        whole = problem.solve(strength, whole)
        yield Solution(
            strength,
            problem.unscale(whole),
            cv_loss=problem.measure(scores[held_out], targets[held_out]).item(),
            cv_accuracy=(scores.argmax(1) == targets)[held_out].double().mean().item(),
            held_out=held_out,
            out_of_fold=scores,
        )


def explain_too_few(num_images: int, num_classes: int) -> TooFewImages:
    """Return the error for training images of which none can be held out."""
    return TooFewImages(
        f"No class has two training images ({num_images} images, {num_classes} classes), so "
        f"no L2 strength can be chosen by cross-validation. Upload at least three images of "
        "each class, of which one validates, or send a single strength: "
        '"optimizer": {"name": "lbfgs", "l2_strengths": [0.01]}.'
    )


def choose_head(  # noqa: PLR0913 -- the same
    features: Tensor,
    targets: Tensor,
    *,
    num_classes: int,
    l2_strengths: Sequence[float],
    folds: int = FOLDS,
    class_weights: Tensor | None = None,
) -> Solution:
    """Return the solution with the lowest cross-validated loss.

    If cross-validation is impossible, it is the one with the strongest penalty. The arguments
    are those of `solve_path`; too few images raise no error.
    """
    if targets.bincount().max() < 2:  # noqa: PLR2004 -- one to hold out, one to learn from
        l2_strengths = [max(l2_strengths)]
    path = solve_path(
        features,
        targets,
        num_classes=num_classes,
        l2_strengths=l2_strengths,
        folds=folds,
        class_weights=class_weights,
    )
    return pick_best(path)


def estimate_seconds(
    features: Tensor, targets: Tensor, *, num_classes: int, num_heads: int
) -> float:
    """Estimate the seconds to solve for so many heads, from one evaluation of loss and gradient.

    features: float [num_images, num_features]; targets: int64 [num_images].
    """
    problem = _standardize(features, targets, num_classes, None)
    fit = torch.zeros(num_classes, problem.inputs.shape[1], device=features.device)
    for _ in range(2):  # the first includes one-time initialisation
        started = time.perf_counter()
        with torch.enable_grad():
            problem.measure(problem.score(fit.requires_grad_()), targets).backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        if features.device.type == "cuda":
            torch.cuda.synchronize(features.device)
    return num_heads * _TYPICAL_EVALUATIONS * (time.perf_counter() - started)


def take_until(should_end: Callable[[], bool], items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield items until should_end says after one that it was the last."""
    for item in items:
        yield item
        if should_end():
            return


def pick_best(solutions: Iterable[Solution]) -> Solution:
    """Return the solution with the lowest cross-validated loss."""
    return min(solutions, key=lambda solution: solution.cv_loss or 0.0)


@dataclass(frozen=True)
class _Problem:
    """Scaled features, float32 with a last column of ones; the last column of a fit is its bias."""

    inputs: Tensor
    targets: Tensor
    num_classes: int
    mean: Tensor
    scale: Tensor
    class_weights: Tensor | None

    def select(self, mask: Tensor) -> "_Problem":
        return replace(self, inputs=self.inputs[mask], targets=self.targets[mask])

    def measure(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy, float64: in float32 a line search ends too early."""
        return cross_entropy(scores.double(), targets, weight=self.class_weights)

    def solve(
        self,
        l2_strength: float,
        start: Tensor | None = None,
        *,
        tolerance: float = _GRADIENT_TOLERANCE,
    ) -> Tensor:
        """Return the minimum, float32 [num_classes, num_features + 1]; a near start is faster."""
        shape = (self.num_classes, self.inputs.shape[1])
        fit = torch.zeros(shape, device=self.inputs.device)
        if start is not None:
            fit.copy_(start)
        fit.requires_grad_()
        solver = LBFGS(
            [fit],
            max_iter=_MAX_ITERATIONS,
            tolerance_grad=tolerance,
            tolerance_change=0.0,
            history_size=_HISTORY_SIZE,
            line_search_fn="strong_wolfe",
        )

        def measure() -> Tensor:
            solver.zero_grad()
            loss = self.measure(self.score(fit), self.targets)
            loss = loss + l2_strength / 2 * fit[:, :-1].double().square().sum()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            return loss

        with torch.enable_grad():
            solver.step(measure)  # type: ignore[no-untyped-call] # torch leaves it untyped
        return fit.detach()

    def score(self, fit: Tensor) -> Tensor:
        return self.inputs @ fit.T

    def unscale(self, fit: Tensor) -> LinearHead:
        weight = fit[:, :-1].double() / self.scale
        bias = fit[:, -1] - weight @ self.mean
        return LinearHead(weight.float(), bias.float())


def _standardize(
    features: Tensor, targets: Tensor, num_classes: int, class_weights: Tensor | None
) -> _Problem:
    features = features.double()
    mean = features.mean(0)
    own = features.var(0, correction=0)
    varying = own[own > _SMALLEST_SCALE**2]
    typical = varying.median() if len(varying) else 0.0
    variance = OWN_VARIANCE * own + (1 - OWN_VARIANCE) * typical
    scale = variance.sqrt().clamp_min(_SMALLEST_SCALE)
    ones = torch.ones(len(features), 1, device=features.device)
    inputs = torch.cat([((features - mean) / scale).float(), ones], 1)
    weights = None if class_weights is None else class_weights.to(features)
    return _Problem(inputs, targets, num_classes, mean, scale, weights)


def _divide(targets: Tensor, folds: int) -> Tensor:
    """Return the fold of each image, int64 [num_images], with each class spread over the folds.

    The only image of a class is never held out, because no other image shows that class.
    """
    random = torch.Generator().manual_seed(derive_seed("folds"))
    fold_of = torch.full((len(targets),), _NEVER_HELD_OUT)
    num_dealt = 0
    for target in range(int(targets.max()) + 1):
        images = (targets.cpu() == target).nonzero()[:, 0]
        if len(images) > 1:
            images = images[torch.randperm(len(images), generator=random)]
            fold_of[images] = (num_dealt + torch.arange(len(images))) % folds
            num_dealt += len(images)
    return fold_of.to(targets.device)
