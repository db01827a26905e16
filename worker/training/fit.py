"""The training of a model, as a sequence of epochs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from app.errors import Diverged
from app.ml.recipe import EarlyStopping, Recipe
from app.ml.seeding import derive_seed
from worker.training.data import Batch
from worker.training.loop import OnStep, PassResult, eval_pass, train_pass
from worker.training.optim import list_learning_rates


class Feed(Protocol):
    """What an epoch is fed with: batches on the model's device, the same for the same epoch."""

    @property
    def num_train_batches(self) -> int: ...

    def train_batches(self, epoch: int) -> Iterator[Batch]: ...

    def val_batches(self) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Best:
    """The first epoch that reached the highest validation accuracy."""

    epoch: int
    val_accuracy: float


@dataclass(frozen=True)
class EpochResult:
    """One epoch: learning_rate is that of its last step, seconds cover both passes."""

    epoch: int
    train: PassResult
    val: PassResult
    learning_rate: float
    seconds: float
    best: Best

    @property
    def is_best(self) -> bool:
        return self.best.epoch == self.epoch


def fit(  # noqa: PLR0913 -- each is one thing the caller knows
    recipe: Recipe,
    model: nn.Module,
    optimizer: Optimizer,
    feed: Feed,
    *,
    last_epoch: int = 0,
    best: Best | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: OnStep = lambda _: None,
) -> Iterator[EpochResult]:
    """Train epoch by epoch, from the one after last_epoch; the model is changed in place.

    An epoch depends on the model, the optimizer, the recipe and its number alone, so that a run
    taken up again with restored ones goes on exactly as if it had not been interrupted.
    Ends early where should_stop says so after an epoch, or by the recipe's early stopping.
    Raises Diverged, naming the epoch.
    """
    for epoch in range(last_epoch + 1, recipe.epochs + 1):
        if has_stalled(recipe.early_stopping, best, epoch - 1):
            return
        started = time.perf_counter()
        torch.manual_seed(derive_seed("epoch", recipe.seed, epoch))
        rates = list_learning_rates(recipe, epoch, feed.num_train_batches)
        try:
            train = train_pass(model, optimizer, feed.train_batches(epoch), rates, on_step)
            val = eval_pass(model, feed.val_batches(), on_step)
        except Diverged as error:
            message = f"The loss was no longer a finite number in epoch {epoch}."
            raise Diverged(f"{message} Try a smaller learning rate.") from error
        if best is None or val.accuracy > best.val_accuracy:
            best = Best(epoch, val.accuracy)
        yield EpochResult(epoch, train, val, rates[-1], time.perf_counter() - started, best)
        if should_stop():
            return


def has_stalled(early_stopping: EarlyStopping | None, best: Best | None, epoch: int) -> bool:
    """Whether the best epoch lies `patience` epochs or more behind the last one."""
    if early_stopping is None or best is None:
        return False
    return epoch - best.epoch >= early_stopping.patience
