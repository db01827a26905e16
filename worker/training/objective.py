"""The training loss: cross-entropy with label smoothing, class weights and auxiliary heads."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from app.ml.recipe import Recipe
from worker.training.data import Sample

AUXILIARY_LOSS_FACTORS = {"inception_v3": 0.4, "googlenet": 0.3}
"""Weight of the auxiliary heads: PyTorch's fine-tuning tutorial; Szegedy et al. (2015)."""

Outputs = Tensor | tuple[Tensor | None, ...]
"""The output of a network: its scores, in training also those of auxiliary heads."""


@dataclass(frozen=True)
class Objective:
    """The loss of a recipe.

    class_weights, float32 [num_classes], average to 1 over the training images.
    """

    architecture: str
    label_smoothing: float = 0.0
    class_weights: Tensor | None = None

    def __call__(self, outputs: Outputs, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch, in nats, and the main head's scores, float32.

        targets: int64 [batch], or where images are mixed float32 [batch, num_classes].
        """
        if isinstance(outputs, Tensor):
            scores = outputs.float()
            return self._measure(scores, targets), scores
        # torchvision names the main head first in both architectures that have others.
        main, *auxiliary = [scores.float() for scores in outputs if scores is not None]
        factor = AUXILIARY_LOSS_FACTORS[self.architecture]
        loss = self._measure(main, targets)
        for scores in auxiliary:
            loss = loss + factor * self._measure(scores, targets)
        return loss, main

    def weigh(self, targets: Tensor) -> int | Tensor:
        """Return the weight of a batch in a mean over several: its images, or their weights."""
        if self.class_weights is None or targets.ndim > 1:
            return len(targets)
        return self.class_weights[targets].sum()

    def _measure(self, scores: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(
            scores, targets, weight=self.class_weights, label_smoothing=self.label_smoothing
        )


def make_objective(
    recipe: Recipe,
    train: Sequence[Sample],
    num_classes: int,
    device: torch.device,
    *,
    chosen_weights: Tensor | None = None,
) -> Objective:
    """Return the objective of a recipe; chosen_weights are those of `class_balance: auto`."""
    weights = chosen_weights
    if recipe.class_balance == "loss":
        targets = torch.tensor([sample.target for sample in train], device=device)
        weights = weigh_classes(targets, num_classes)
    return Objective(recipe.architecture, recipe.label_smoothing, weights)


def weigh_classes(targets: Tensor, num_classes: int) -> Tensor:
    """Return inverse class frequencies, float32 [num_classes], which average 1 over the images."""
    counts = torch.bincount(targets, minlength=num_classes)
    return len(targets) / (num_classes * counts.clamp_min(1).float())
