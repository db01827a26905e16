"""One pass over a split: with optimizer steps, or without."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.errors import Diverged
from app.ml.runtime.precision import ResolvedPrecision, autocast
from app.ml.runtime.seeding import derive_seed
from worker.training.data import Batch
from worker.training.evaluation.figures import mean_recall
from worker.training.learner import Learner

OnStep = Callable[[int], None]
"""Called with the number of images after each batch."""

_CHECK_EVERY = 32
"""Batches between two checks of the loss: each check waits for the device."""


@dataclass(frozen=True)
class PassResult:
    """Means over the images of a pass: loss in nats, weighted by class; accuracies in 0..1.

    balanced_accuracy is the mean recall over the classes with images; states of earlier versions
    have none.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float | None = None


def train_pass(  # noqa: PLR0913 -- each is one thing the caller knows
    learner: Learner,
    batches: Iterable[Batch],
    learning_rates: Iterable[float],
    on_step: OnStep,
    *,
    seed: int,
    epoch: int,
) -> PassResult:
    """Take an optimizer step after every `learner.accumulate` batches, each with its learning rate.

    The result is measured during the steps, with dropout and auxiliary loss, as in the PyTorch
    tutorials. Random numbers depend on seed, epoch and step alone. Raises Diverged once the loss is
    not finite. If processes share the batches, the result covers all of them.
    """
    learner.begin_training()
    counts = _Counts(learner)
    stream = (learner.group.rank,) if learner.group.rank else ()
    groups = _group(batches, learner.accumulate)
    for step, (group, learning_rate) in enumerate(zip(groups, learning_rates, strict=True)):
        torch.manual_seed(derive_seed("step", seed, epoch, step, *stream))
        weights = [learner.objective.weigh(targets) for _, targets in group]
        total = sum(weights)
        # Several processes divide in `average_gradients`, by the sum of their totals.
        unit = total if learner.group.is_single else 1
        for (images, targets), weight in zip(group, weights, strict=True):
            with learner.autocast():
                outputs = learner.model(images)
            loss, scores = learner.objective(outputs, targets)
            counts.add(loss, scores, targets, weight)
            part = loss * (weight / unit)
            learner.scaler.scale(part).backward()  # type: ignore[no-untyped-call] # torch
            on_step(len(targets))
        learner.step(learning_rate, total)
    return counts.result()


@torch.inference_mode()
def eval_pass(learner: Learner, batches: Iterable[Batch], on_step: OnStep) -> PassResult:
    """Evaluate the model as in serving. Raises Diverged if the loss is not finite."""
    counts = _Counts(learner)
    with learner.evaluated() as model:
        for images, targets in batches:
            with learner.autocast():
                scores = model(images).float()
            loss = nn.functional.cross_entropy(scores, targets)
            counts.add(loss, scores, targets, len(targets))
            on_step(len(targets))
    return counts.result()


@torch.inference_mode()
def predict_scores(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    precision: ResolvedPrecision,
    device: torch.device,
) -> Tensor:
    """Return a model's scores in evaluation mode: float32 [num_images, num_classes], on the CPU."""
    model.eval()
    scores = []
    for images, _ in batches:
        with autocast(precision, device):
            scores.append(model(images).float().cpu())
    return torch.cat(scores)


def _group(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    group: list[Batch] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


class _Counts:
    """Sums over the images so far, kept on the device so that nothing waits for it."""

    def __init__(self, learner: Learner) -> None:
        self._group = learner.group
        self._loss = torch.zeros((), dtype=torch.float64, device=learner.device)
        self._weight = torch.zeros_like(self._loss)
        self._of_classes: Tensor | None = None
        """Number of images by class, wrong ones and then right ones: float64 [2 * num_classes]."""
        self._num_batches = 0

    def add(self, loss: Tensor, scores: Tensor, targets: Tensor, weight: int | Tensor) -> None:
        labels = targets if targets.ndim == 1 else targets.argmax(1)
        num_classes = scores.shape[1]
        if self._of_classes is None:
            self._of_classes = self._loss.new_zeros(2 * num_classes)
        if len(labels):  # a process may have no image of a small batch, and the mean of none is NaN
            self._loss += loss.detach() * weight
            self._weight += weight
            cells = labels + num_classes * (scores.argmax(1) == labels)
            self._of_classes.index_add_(0, cells, torch.ones_like(cells, dtype=torch.float64))
        self._num_batches += 1
        if self._num_batches % _CHECK_EVERY == 0:
            self._check()

    def result(self) -> PassResult:
        loss = self._check()
        if self._of_classes is None:
            raise AssertionError("a pass has at least one batch")
        sums = torch.cat([self._weight[None], self._of_classes])
        sums = self._group.all_reduce(sums).cpu()
        num_wrong, num_right = sums[1:].chunk(2)
        num_images = num_wrong + num_right
        return PassResult(
            loss / sums[0].item(),
            (num_right.sum() / num_images.sum()).item(),
            mean_recall(num_right, num_images),
        )

    def _check(self) -> float:
        total = float(self._group.all_reduce(self._loss).item())
        if not math.isfinite(total):
            raise Diverged("The loss is no longer a finite number.")
        return total
