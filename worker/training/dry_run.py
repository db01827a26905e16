"""Measure training steps on random images: seconds per image, and whether they fit in memory."""

import time
from collections.abc import Callable

import torch
from torch import nn

from app.ml.models.catalogue import get_architecture
from app.ml.recipe import Recipe, is_run_once
from app.ml.runtime.device import move_to_device
from app.ml.runtime.precision import choose_precision
from worker.training.data import Batch
from worker.training.feed import MIN_EVAL_BATCH_SIZE
from worker.training.footprint import count_activations, count_available_bytes
from worker.training.learner import Average, Learner
from worker.training.loop import eval_pass, train_pass
from worker.training.objective import Objective
from worker.training.optim import make_optimizer

_BACKWARD_FACTOR = 1.25
"""Memory of a backward pass in multiples of its kept activations: measured 1.1, with a margin."""

_TENSORS_PER_PARAMETER = 3
"""The gradient and the two moments of AdamW, in addition to the parameter itself."""


class StepDryRun:
    """Runs a job's model on random images, with a learning rate of zero."""

    def __init__(
        self, model: nn.Module, recipe: Recipe, *, num_classes: int, device: torch.device
    ) -> None:
        move_to_device(model, device)
        self.recipe = recipe
        self.num_classes = num_classes
        architecture = get_architecture(recipe.architecture)
        self._learner = Learner(
            model=model,
            optimizer=None if is_run_once(recipe) else make_optimizer(model, recipe, architecture),
            objective=Objective(architecture.name, recipe.label_smoothing),
            device=device,
            precision=choose_precision(recipe.precision, device),
            batch_norm=recipe.batch_norm,
            clip_norm=recipe.clip_norm,
            average=Average(model, recipe.ema) if recipe.ema else None,
        )

    def run(self, batch_size: int) -> tuple[float, float]:
        """Return seconds per image in validation and in training, with a batch of this size.

        Both are equal if the network runs only once for each image. Raises as `train` does.
        """
        smallest = get_architecture(self.recipe.architecture).get_min_input_size(batch_size)
        if self.recipe.input_size < smallest:
            raise MemoryError("BatchNorm cannot be trained on a single image of this size.")
        forward = self.evaluate(batch_size)
        return forward, forward if is_run_once(self.recipe) else self.train(batch_size)

    def train(self, batch_size: int) -> float:
        """Return seconds per image of one training batch, for a recipe that takes steps.

        Raises torch.OutOfMemoryError or MemoryError if it does not fit.
        """

        def run(batch: Batch) -> None:
            train_pass(self._learner, [batch], [0.0], _ignore, seed=0, epoch=1)

        return self._time(batch_size, run, learns=True)

    def evaluate(self, batch_size: int) -> float:
        """Return seconds per image of one validation batch; raises as `train` does."""

        def run(batch: Batch) -> None:
            eval_pass(self._learner, [batch], _ignore)

        with_lone_image = max(batch_size, MIN_EVAL_BATCH_SIZE + 1)
        return self._time(with_lone_image, run, learns=False)

    def _time(self, batch_size: int, run: Callable[[Batch], None], *, learns: bool) -> float:
        self._require_memory(batch_size, learns=learns)
        batch = self._draw(batch_size)
        run(batch)  # the first run includes one-time initialisation
        started = time.perf_counter()
        run(batch)
        return (time.perf_counter() - started) / batch_size

    def _draw(self, batch_size: int) -> Batch:
        size, device = self.recipe.input_size, self._learner.device
        random = torch.Generator().manual_seed(0)
        images = torch.randn(batch_size, 3, size, size, generator=random).to(device)
        targets = torch.randint(self.num_classes, (batch_size,), generator=random).to(device)
        return images.contiguous(memory_format=torch.channels_last), targets

    def _require_memory(self, batch_size: int, *, learns: bool) -> None:
        """Raise MemoryError on a CPU, where too large a batch would get the process killed."""
        device = self._learner.device
        if device.type != "cpu":
            return
        needed = self._count_needed_bytes(batch_size, learns=learns)
        available = count_available_bytes(device)
        if needed > available:
            raise MemoryError(f"The batch needs {needed} bytes; {available} are available.")

    def _count_needed_bytes(self, batch_size: int, *, learns: bool) -> int:
        """Estimate the memory of a batch from that of two images."""
        learner = self._learner
        images, _ = self._draw(2)
        with count_activations(learner.model) as counts, learner.autocast():
            if learns:
                learner.begin_training()
                learner.model(images)
            else:
                with torch.inference_mode(), learner.evaluated() as model:
                    model(images)
        bytes_per_image = (
            max(int(counts.kept * _BACKWARD_FACTOR), counts.largest) // 2 + images[0].nbytes
        )
        trainable = (p.nbytes for p in learner.model.parameters() if p.requires_grad)
        fixed = _TENSORS_PER_PARAMETER * sum(trainable) if learns else 0
        return fixed + batch_size * bytes_per_image


def _ignore(_num_images: int) -> None:
    """A dry run reports no progress."""
