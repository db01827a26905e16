"""What an image costs with each strategy of an architecture, by trying a batch on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from app.ml.models.architectures import build, build_arguments, is_trainable
from app.ml.models.catalogue import Entry, get_entry
from app.ml.recipe import Recipe, Strategy, is_run_once
from worker.advice.cost import STEP_OVER_FORWARD, Rates, estimate_seconds
from worker.training.dry_run import StepDryRun
from worker.training.footprint import count_available_bytes

_REFERENCE = "resnet18"
_REFERENCE_BATCH_SIZE = 8
_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Bench:
    """Where a training would run, and on how many images."""

    device: torch.device
    num_classes: int
    num_train: int
    num_val: int
    decoding: float

    def decoding_in(self, seconds: float) -> "Bench":
        """The same, with what decoding an image was found to take."""
        return replace(self, decoding=seconds)

    def time_strategies(
        self, model: nn.Module, entry: Entry, recipes: Mapping[Strategy, Recipe]
    ) -> dict[Strategy, Rates]:
        """Rates of each strategy whose batch fits the memory; the model's weights stay."""
        rates: dict[Strategy, Rates] = {}
        forward: float | None = None  # the same for all: they share batch size and precision
        for strategy, recipe in recipes.items():
            for name, parameter in model.named_parameters():
                parameter.requires_grad = is_trainable(entry, name, strategy, recipe.trainable_from)
            dry_run = StepDryRun(model, recipe, num_classes=self.num_classes, device=self.device)
            try:
                forward = forward or dry_run.evaluate(recipe.batch_size)
                once = is_run_once(recipe)
                step = forward if once else dry_run.train(recipe.batch_size)
            except (torch.OutOfMemoryError, MemoryError):
                continue
            rates[strategy] = Rates(self.decoding, forward, step)
        return rates

    def estimate(self, recipe: Recipe, rates: Rates) -> float:
        """Seconds of the whole training."""
        return estimate_seconds(recipe, rates, num_train=self.num_train, num_val=self.num_val)

    def try_random(self, entry: Entry, recipes: Mapping[Strategy, Recipe]) -> float:
        """Seconds of an architecture's cheapest strategy, by a batch with random weights.

        Raises MemoryError where not even its weights, or no strategy's batch, fit.
        """
        if entry.num_parameters * _FLOAT32_BYTES > count_available_bytes(self.device):
            raise MemoryError(entry.name)
        arguments = build_arguments(entry.name, is_pretrained=False)
        model = build(entry.name, self.num_classes, arguments=arguments).to(self.device)
        rates = self.time_strategies(model, entry, recipes)
        if not rates:
            raise MemoryError(entry.name)
        return min(self.estimate(recipes[strategy], rates[strategy]) for strategy in rates)

    def measure_gflops_per_second(self, recipe: Recipe) -> float:
        """Billions of multiply-adds a second that this machine's forward pass does."""
        entry = get_entry(_REFERENCE)
        reference = adapt(recipe, entry, None).model_copy(
            update={"batch_size": _REFERENCE_BATCH_SIZE}
        )
        model = build(entry.name, self.num_classes, arguments={}).to(self.device)
        dry_run = StepDryRun(model, reference, num_classes=self.num_classes, device=self.device)
        return entry.get_weights("imagenet").gflops / dry_run.evaluate(_REFERENCE_BATCH_SIZE)


def guess_rates(
    entry: Entry, *, input_size: int, gflops_per_second: float, decoding: float
) -> Rates:
    """Rates by arithmetic alone, which grows with the number of pixels."""
    weights = entry.get_weights("imagenet")
    forward = weights.gflops * (input_size / weights.crop_size) ** 2 / gflops_per_second
    return Rates(decoding, forward, STEP_OVER_FORWARD * forward)


def adapt(recipe: Recipe, entry: Entry, input_size: int | None) -> Recipe:
    """A recipe for another architecture: its own input size unless one is asked for."""
    return recipe.model_copy(
        update={
            "architecture": entry.name,
            "input_size": input_size or entry.input_size,
            "trainable_from": entry.layers[-1].name if recipe.strategy == "partial" else None,
        }
    )
