"""Measure the seconds per image of each training strategy, by running a batch on this machine."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from app.ml.models.architectures import build, build_arguments, is_trainable
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.recipe import Recipe, Strategy, is_run_once
from app.ml.runtime.precision import choose_precision
from worker.advice.cost import STEP_OVER_FORWARD, Rates, estimate_seconds
from worker.pool import map_in_threads
from worker.training.dry_run import StepDryRun
from worker.training.feed import LANE_BATCH_SIZE
from worker.training.footprint import count_available_bytes
from worker.training.frozen import extract_backbone
from worker.training.frozen_engine import choose_engine, compile_layers

_REFERENCE = "resnet18"
_REFERENCE_BATCH_SIZE = 8
_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class TrainingTimer:
    """Time and estimate trainings on one device with given numbers of images.

    decoding: seconds per image to decode it.
    """

    device: torch.device
    num_classes: int
    num_train: int
    num_val: int
    decoding: float

    def with_decoding_seconds(self, seconds: float) -> "TrainingTimer":
        """Return a copy with the measured seconds per image for decoding."""
        return replace(self, decoding=seconds)

    def time_strategies(
        self, model: nn.Module, architecture: ArchitectureSpec, recipes: Mapping[Strategy, Recipe]
    ) -> dict[Strategy, Rates]:
        """Measure each strategy whose batch fits into memory; the model's weights do not change."""
        rates: dict[Strategy, Rates] = {}
        forward: float | None = (
            None  # the same for all strategies: they share batch size and precision
        )
        for strategy, recipe in recipes.items():
            for name, parameter in model.named_parameters():
                parameter.requires_grad = is_trainable(
                    architecture, name, strategy, recipe.trainable_from
                )
            dry_run = StepDryRun(model, recipe, num_classes=self.num_classes, device=self.device)
            try:
                forward = forward or dry_run.evaluate(recipe.batch_size)
                once = is_run_once(recipe)
                step = forward if once else dry_run.train(recipe.batch_size)
            except (torch.OutOfMemoryError, MemoryError):
                continue
            rates[strategy] = Rates(self.decoding, forward, step)
        return rates

    def time_engine(
        self, model: nn.Module, architecture: ArchitectureSpec, recipe: Recipe, rates: Rates
    ) -> Rates:
        """Return the rates in the engine that a job would choose for a backbone that runs once."""
        if not is_run_once(recipe):
            return rates
        num_images = (recipe.cached_views or 1) * self.num_train + self.num_val
        precision = choose_precision(recipe.precision, self.device)
        if choose_engine(self.device, precision, num_images) == "torch":
            return rates
        size, num_threads = recipe.input_size, recipe.num_threads
        started = time.perf_counter()
        compiled = compile_layers(extract_backbone(model, architecture), size, num_threads)
        setup = time.perf_counter() - started
        if compiled is None:
            return rates
        batches = [torch.zeros(LANE_BATCH_SIZE, 3, size, size)] * num_threads
        for _ in range(2):  # the first run includes one-time initialisation
            started = time.perf_counter()
            list(map_in_threads(compiled, batches, num_threads=num_threads))
        forward = (time.perf_counter() - started) / (LANE_BATCH_SIZE * num_threads)
        return Rates(rates.decoding, forward, forward, setup)

    def estimate(self, recipe: Recipe, rates: Rates) -> float:
        """Estimate the seconds of the whole training."""
        return estimate_seconds(recipe, rates, num_train=self.num_train, num_val=self.num_val)

    def time_cheapest_strategy(
        self, architecture: ArchitectureSpec, recipes: Mapping[Strategy, Recipe]
    ) -> float:
        """Estimate the seconds of an architecture's cheapest strategy from a batch, random weights.

        Raises MemoryError where neither the weights nor a batch of any strategy fit.
        """
        if architecture.num_parameters * _FLOAT32_BYTES > count_available_bytes(self.device):
            raise MemoryError(architecture.name)
        arguments = build_arguments(architecture.name, is_pretrained=False)
        model = build(architecture.name, self.num_classes, arguments=arguments).to(self.device)
        rates = self.time_strategies(model, architecture, recipes)
        if not rates:
            raise MemoryError(architecture.name)
        return min(self.estimate(recipes[strategy], rates[strategy]) for strategy in rates)

    def measure_gflops_per_second(self, recipe: Recipe) -> float:
        """Measure how many billions of multiply-adds per second a forward pass does here."""
        architecture = get_architecture(_REFERENCE)
        reference = adapt(recipe, architecture, None).model_copy(
            update={"batch_size": _REFERENCE_BATCH_SIZE}
        )
        model = build(architecture.name, self.num_classes, arguments={}).to(self.device)
        dry_run = StepDryRun(model, reference, num_classes=self.num_classes, device=self.device)
        return architecture.get_weights("imagenet").gflops / dry_run.evaluate(_REFERENCE_BATCH_SIZE)


def estimate_rates(
    architecture: ArchitectureSpec, *, input_size: int, gflops_per_second: float, decoding: float
) -> Rates:
    """Estimate rates from the architecture's multiply-adds, in proportion to the pixels."""
    weights = architecture.get_weights("imagenet")
    forward = weights.gflops * (input_size / weights.crop_size) ** 2 / gflops_per_second
    return Rates(decoding, forward, STEP_OVER_FORWARD * forward)


def adapt(recipe: Recipe, architecture: ArchitectureSpec, input_size: int | None) -> Recipe:
    """Adapt a recipe to another architecture, with its own input size unless one is given."""
    return recipe.model_copy(
        update={
            "architecture": architecture.name,
            "input_size": input_size or architecture.input_size,
            "trainable_from": architecture.layers[-1].name
            if recipe.strategy == "partial"
            else None,
        }
    )
