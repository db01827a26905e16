"""Train a model epoch by epoch."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol

from torch import nn

from app.errors import Diverged
from app.ml.recipe import EarlyStopping, Recipe
from worker.training.data import Batch
from worker.training.learner import Learner, frozen
from worker.training.loop import OnStep, PassResult, eval_pass, train_pass
from worker.training.optim import count_steps, list_learning_rates


class Feed(Protocol):
    """The batches of epochs, on the model's device, the same for the same epoch."""

    @property
    def num_train_batches(self) -> int: ...

    @property
    def num_val_batches(self) -> int: ...

    def train_batches(self, epoch: int) -> Iterator[Batch]: ...

    def val_batches(self) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Best:
    """The epoch with the highest score, by default the validation accuracy.

    Of several such epochs it is the one with the lowest validation loss: few images leave many with
    the same accuracy, and on easy images the first of them has hardly learned. An unknown loss is
    minus infinity. Epoch 0 is the model before its first epoch, a candidate if its head was solved
    for. peak_epoch is the first trained epoch with the highest score of the trained ones: early
    stopping counts from it.
    """

    epoch: int
    score: float
    loss: float = -math.inf
    peak_epoch: int = 0
    peak_score: float = -math.inf


@dataclass(frozen=True)
class EpochResult:
    """One epoch: learning_rate is that of its last step, seconds cover both passes."""

    epoch: int
    train: PassResult
    val: PassResult
    learning_rate: float | None
    seconds: float
    best: Best

    @property
    def is_best(self) -> bool:
        return self.best.epoch == self.epoch


def fit(  # noqa: PLR0913 -- each is one thing the caller knows
    recipe: Recipe,
    learner: Learner,
    feed: Feed,
    *,
    layers: list[list[nn.Parameter]],
    last_epoch: int = 0,
    best: Best | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: OnStep = lambda _: None,
) -> Iterator[EpochResult]:
    """Train epoch by epoch, from the one after last_epoch; the model is changed in place.

    An epoch depends on the learner, the recipe and its number alone, so that a resumed run with a
    restored learner continues exactly as if it had not been interrupted. layers are the trainable
    parameters from the head downwards, for staged unfreezing. best is the best so far; epoch 0 is
    the model before its first epoch.
    Ends early if should_stop returns True after an epoch, or by the recipe's early stopping.
    Raises Diverged, naming the epoch.
    """
    for epoch in range(last_epoch + 1, recipe.epochs + 1):
        if has_stalled(recipe.early_stopping, best, epoch - 1):
            return
        started = time.perf_counter()
        steps = count_steps(feed.num_train_batches, recipe.accumulate)
        rates = list_learning_rates(recipe, epoch, steps)
        try:
            with _freeze(recipe, layers, epoch):
                batches = feed.train_batches(epoch)
                train = train_pass(learner, batches, rates, on_step, seed=recipe.seed, epoch=epoch)
            val = eval_pass(learner, feed.val_batches(), on_step)
        except Diverged as error:
            message = f"The loss was no longer a finite number in epoch {epoch}."
            raise Diverged(f"{message} Try a smaller learning rate.") from error
        best = _update(best, epoch, val)
        yield EpochResult(epoch, train, val, rates[-1], time.perf_counter() - started, best)
        if should_stop():
            return


def _update(best: Best | None, epoch: int, val: PassResult) -> Best:
    if best is None:
        return Best(epoch, val.accuracy, val.loss, epoch, val.accuracy)
    if val.accuracy > best.peak_score:
        best = replace(best, peak_epoch=epoch, peak_score=val.accuracy)
    if (val.accuracy, -val.loss) > (best.score, -best.loss):
        best = replace(best, epoch=epoch, score=val.accuracy, loss=val.loss)
    return best


def has_stalled(early_stopping: EarlyStopping | None, best: Best | None, epoch: int) -> bool:
    """Return whether the accuracy has not risen in the last `patience` epochs.

    A solved head does not count: a network that fell behind it may still be catching up. Nor does
    a lower loss.
    """
    if early_stopping is None or best is None:
        return False
    return epoch - best.peak_epoch >= early_stopping.patience


def list_frozen(recipe: Recipe, layers: list[list[nn.Parameter]], epoch: int) -> list[nn.Parameter]:
    """Return the parameters that are still frozen in an epoch (counted from 1).

    The head is trained from the start; the backbone is divided into stages of equally many layers,
    which are unfrozen from the top downwards (gradual unfreezing: Howard & Ruder, 2018).
    """
    staged = recipe.staged_unfreezing
    if staged is None:
        return []
    backbone = [parameters for parameters in layers if parameters][1:]
    num_begun = min((epoch - 1) // staged.epochs_per_stage, staged.num_stages)
    num_unfrozen = round(len(backbone) * num_begun / staged.num_stages)
    return [parameter for layer in backbone[num_unfrozen:] for parameter in layer]


def _freeze(
    recipe: Recipe, layers: list[list[nn.Parameter]], epoch: int
) -> AbstractContextManager[None]:
    parameters = list_frozen(recipe, layers, epoch)
    return frozen(parameters) if parameters else nullcontext()
