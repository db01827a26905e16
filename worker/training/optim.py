"""Optimizers over the trainable parameters, and the learning rate of every step."""

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer, RMSprop

from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import Lbfgs, Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, architecture: ArchitectureSpec) -> Optimizer:
    """Return the optimizer of a recipe over the trainable parameters.

    Parameters are grouped by layer: `scale` multiplies a group's learning rate, 1 for the head and
    layer_decay times that of the layer above for each layer below it (Howard & Ruder, 2018).
    """
    settings = recipe.optimizer
    if isinstance(settings, Lbfgs):
        raise TypeError("lbfgs takes no steps")
    depths = list_by_depth(model, architecture)
    if recipe.layer_decay == 1.0:
        depths = [[parameter for layer in depths for parameter in layer]]
    groups = [
        {"params": parameters, "scale": recipe.layer_decay**depth}
        for depth, parameters in enumerate(depths)
        if parameters
    ]
    arguments = settings.model_dump(exclude={"name", "learning_rate"})
    kinds = {"sgd": SGD, "rmsprop": RMSprop, "adamw": AdamW}
    optimizer: Optimizer = kinds[settings.name](groups, lr=settings.learning_rate, **arguments)
    return optimizer


def list_by_depth(model: nn.Module, architecture: ArchitectureSpec) -> list[list[nn.Parameter]]:
    """Return the trainable parameters of the heads, of the layer below them, and so on downwards.

    Parameters outside the layers (a class token, position embeddings) come last.
    """
    depths: list[list[nn.Parameter]] = [[] for _ in range(len(architecture.layers) + 2)]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            depths[_find_depth(name, architecture)].append(parameter)
    return depths


def count_steps(num_batches: int, accumulate: int) -> int:
    """Return the optimizer steps of an epoch: one for every `accumulate` batches, rounded up."""
    return math.ceil(num_batches / accumulate)


def list_learning_rates(recipe: Recipe, epoch: int, steps_per_epoch: int) -> list[float]:
    """Return the learning rate of each optimizer step of an epoch (counted from 1).

    A pure function of the recipe, so there is no scheduler whose state could be lost.
    """
    if isinstance(recipe.optimizer, Lbfgs):
        raise TypeError("lbfgs takes no steps")
    first = (epoch - 1) * steps_per_epoch
    return [
        recipe.optimizer.learning_rate * _factor(recipe, epoch, step, steps_per_epoch)
        for step in range(first, first + steps_per_epoch)
    ]


def _find_depth(name: str, architecture: ArchitectureSpec) -> int:
    if any(name.startswith(f"{head.name}.") for head in architecture.heads):
        return 0
    layers = tuple(reversed(architecture.layers))
    return next(
        (depth for depth, layer in enumerate(layers, 1) if layer.owns(name)), len(layers) + 1
    )


def _factor(recipe: Recipe, epoch: int, step: int, steps_per_epoch: int) -> float:
    """Return the factor of the base learning rate at a step, counted from 0 over all epochs.

    The warm-up of a cosine schedule takes at most half of all steps.
    """
    scheduler = recipe.scheduler
    if scheduler.name == "constant":
        return 1.0
    if scheduler.name == "step":
        return float(scheduler.gamma ** ((epoch - 1) // scheduler.step_size))
    num_steps = recipe.epochs * steps_per_epoch
    # A warm-up as long as the training would never reach the recipe's learning rate.
    num_warmup = min(round(scheduler.warmup_epochs * steps_per_epoch), num_steps // 2)
    if step < num_warmup:
        return (step + 1) / num_warmup
    num_falling = num_steps - num_warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - num_warmup) / num_falling))
