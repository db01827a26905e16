"""Optimizers over what may learn, and the learning rate of every step."""

import math
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer, RMSprop

from app.ml.recipe import Lbfgs, Recipe


def make_optimizer(model: nn.Module, settings: Any) -> Optimizer:
    """The optimizer of a recipe, given the trainable parameters and no others."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    arguments = settings.model_dump(exclude={"name", "learning_rate"})
    kinds = {"sgd": SGD, "rmsprop": RMSprop, "adamw": AdamW}
    optimizer: Optimizer = kinds[settings.name](trainable, lr=settings.learning_rate, **arguments)
    return optimizer


def list_learning_rates(recipe: Recipe, epoch: int, steps_per_epoch: int) -> list[float]:
    """The learning rate of each optimizer step of an epoch (counted from 1).

    A pure function of the recipe, so there is no scheduler whose state could be lost.
    """
    first = (epoch - 1) * steps_per_epoch
    return [
        recipe.optimizer.learning_rate * _factor(recipe, epoch, step, steps_per_epoch)
        for step in range(first, first + steps_per_epoch)
    ]


def _factor(recipe: Recipe, epoch: int, step: int, steps_per_epoch: int) -> float:
    """The share of the base learning rate at a step, counted from 0 over all epochs."""
    scheduler = recipe.scheduler
    if scheduler.name == "constant":
        return 1.0
    if scheduler.name == "step":
        return float(scheduler.gamma ** ((epoch - 1) // scheduler.step_size))
    num_warmup = round(scheduler.warmup_epochs * steps_per_epoch)
    if step < num_warmup:
        return (step + 1) / num_warmup
    num_falling = recipe.epochs * steps_per_epoch - num_warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - num_warmup) / num_falling))
