"""The learning curve of a solved head: its accuracy with some of the training images."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from app.jobs.portfolio_schemas import LearningCurvePoint
from app.ml.runtime.seeding import derive_seed
from worker.portfolio.results import CandidateResult, measure_accuracy
from worker.training.head import choose_head

SHARES = (0.25, 0.5)
_NEAR = (3.0, 1.0, 1 / 3)
"""Multiples of the best L2 strength; fewer images need a stronger penalty."""


def measure_curve(
    result: CandidateResult,
    num_classes: int,
    left: Callable[[], float],
    now: Callable[[], float] = time.perf_counter,
) -> Iterator[LearningCurvePoint]:
    """Yield the points of the curve, the last with all images, as long as there is time.

    left: seconds that may be used. A point is skipped where that before it took too long, and where
    no class has two images.
    """
    features, targets = result.heads.features, result.heads.targets
    needed = 0.0
    for share in SHARES:
        if 2 * needed > left():
            break
        started = now()
        positions = take_share(targets, share)
        labels = targets[positions]
        solution = choose_head(
            features[positions],
            labels,
            num_classes=num_classes,
            l2_strengths=[factor * result.best.l2_strength for factor in _NEAR],
            folds=result.solver.folds,
            class_weights=result.heads.weigh(labels),
        )
        needed = now() - started
        if solution.held_out is not None:
            yield LearningCurvePoint(
                num_images=len(positions),
                accuracy=measure_accuracy(solution, labels, result.val_targets),
            )
    yield LearningCurvePoint(num_images=len(targets), accuracy=result.accuracy)


def take_share(targets: Tensor, share: float) -> Tensor:
    """Return the positions, int64 and ascending, of a share of each class, at least one image.

    A larger share contains a smaller one; the same targets give the same positions.
    """
    random = torch.Generator().manual_seed(derive_seed("learning curve"))
    taken: list[int] = []
    for target in sorted(set(targets.tolist())):
        positions = (targets == target).nonzero()[:, 0].cpu()
        shuffled = positions[torch.randperm(len(positions), generator=random)]
        taken += shuffled[: max(round(share * len(positions)), 1)].tolist()
    return torch.tensor(sorted(taken), device=targets.device)
