"""One pass over a split: with steps of the optimizer, or without."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torchvision.models.inception import InceptionOutputs

from app.errors import Diverged
from worker.training.data import Batch

AUXILIARY_LOSS_FACTOR = 0.4
"""Weight of Inception's auxiliary head, as in PyTorch's fine-tuning tutorial."""

OnStep = Callable[[int], None]
"""Told the number of images after each batch."""


@dataclass(frozen=True)
class PassResult:
    """Means over the images of a pass: cross-entropy in nats, accuracy in 0..1."""

    loss: float
    accuracy: float


def train_pass(
    model: nn.Module,
    optimizer: Optimizer,
    batches: Iterable[Batch],
    learning_rates: Iterable[float],
    on_step: OnStep,
) -> PassResult:
    """Take one optimizer step a batch, each with its own learning rate.

    The result is that of the moving model, dropout and auxiliary loss included, as the tutorials
    print it. Raises Diverged as soon as the loss is no finite number.
    """
    model.train()
    tally = _Tally()
    for (images, targets), learning_rate in zip(batches, learning_rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.zero_grad()
        loss, scores = compute_loss(model(images), targets)
        tally.add(loss, scores, targets)
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        optimizer.step()
        on_step(len(targets))
    return tally.result()


@torch.inference_mode()
def eval_pass(model: nn.Module, batches: Iterable[Batch], on_step: OnStep) -> PassResult:
    """Measure the model as it would serve. Raises Diverged where the loss is no finite number."""
    model.eval()
    tally = _Tally()
    for images, targets in batches:
        loss, scores = compute_loss(model(images), targets)
        tally.add(loss, scores, targets)
        on_step(len(targets))
    return tally.result()


def compute_loss(outputs: Tensor | InceptionOutputs, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of a batch and the scores, float [batch, num_classes].

    Inception in training has a second, auxiliary head, whose loss counts 0.4.
    """
    if isinstance(outputs, InceptionOutputs):
        auxiliary = cross_entropy(outputs.aux_logits, targets)
        loss = cross_entropy(outputs.logits, targets) + AUXILIARY_LOSS_FACTOR * auxiliary
        return loss, outputs.logits
    return cross_entropy(outputs, targets), outputs


class _Tally:
    """Sums over the images seen so far."""

    def __init__(self) -> None:
        self._loss = 0.0
        self._num_correct = 0
        self._num_images = 0

    def add(self, loss: Tensor, scores: Tensor, targets: Tensor) -> None:
        mean = loss.item()
        if not math.isfinite(mean):
            raise Diverged("The loss is no longer a finite number.")
        self._loss += mean * len(targets)
        self._num_correct += int((scores.argmax(1) == targets).sum())
        self._num_images += len(targets)

    def result(self) -> PassResult:
        return PassResult(self._loss / self._num_images, self._num_correct / self._num_images)
