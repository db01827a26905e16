"""Solve for a head; each L2 strength is one epoch of the history."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from app.ml.recipe import Lbfgs
from worker.training.evaluation.figures import measure_balanced_accuracy
from worker.training.fit import Best, EpochResult
from worker.training.frozen import ActivationFeed
from worker.training.head import LinearHead, Solution, solve_path
from worker.training.loop import OnStep, PassResult


@dataclass(frozen=True)
class SolvedEpoch(EpochResult):
    """One L2 strength; the best is the one with the lowest cross-validated loss."""

    solution: Solution


def solve(  # noqa: PLR0913 -- each is one thing the caller knows
    optimizer: Lbfgs,
    feed: ActivationFeed,
    put_head: Callable[[LinearHead], None],
    *,
    num_classes: int,
    class_weights: Tensor | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: OnStep = lambda _: None,
    path: Iterable[Solution] | None = None,
) -> Iterator[SolvedEpoch]:
    """Solve for the head of each L2 strength, and put it into the model as it is yielded.

    path: the heads, where they are known already. A resumed run starts again, which takes
    little time and gives the same results.
    Raises TooFewImages if several strengths are to be compared and no class has two images.
    """
    best: Best | None = None
    started = time.perf_counter()
    path = path or solve_path(
        feed.views[0],
        feed.train_targets,
        num_classes=num_classes,
        l2_strengths=optimizer.l2_strengths,
        folds=optimizer.folds,
        class_weights=class_weights,
    )
    for epoch, solution in enumerate(path, 1):
        score = -(solution.cv_loss or 0.0)
        if best is None or score > best.score:
            best = Best(epoch, score)
        put_head(solution.head)
        train = _measure(solution.head, feed.views[0], feed.train_targets)
        val = _measure(solution.head, feed.val, feed.val_targets)
        on_step(len(feed.train_targets) + len(feed.val_targets))
        seconds = time.perf_counter() - started
        yield SolvedEpoch(epoch, train, val, None, seconds, best, solution)
        if should_stop():
            return
        started = time.perf_counter()


def _measure(head: LinearHead, features: Tensor, targets: Tensor) -> PassResult:
    scores = head(features)
    predicted = scores.argmax(1)
    return PassResult(
        cross_entropy(scores, targets).item(),
        (predicted == targets).double().mean().item(),
        measure_balanced_accuracy(targets, predicted, scores.shape[1]),
    )
