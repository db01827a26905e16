"""Estimate the duration of a training from the seconds per image."""

from dataclasses import dataclass

from app.ml.recipe import Recipe, is_run_once

STEP_OVER_FORWARD = 3.0
"""The cost of a training step in forward passes; the backward pass costs two (Kaplan et al.,
"Scaling Laws for Neural Language Models", 2020, section 2.1, which holds for every layer of
multiply-adds)."""


@dataclass(frozen=True)
class Rates:
    """Seconds per image: for decoding, for a forward pass, and for a whole training step.

    setup: seconds before the first image.
    """

    decoding: float
    forward: float
    step: float
    setup: float = 0.0


def estimate_seconds(recipe: Recipe, rates: Rates, *, num_train: int, num_val: int) -> float:
    """Estimate the seconds of all epochs of a recipe, without those of a head on cached features.

    Frozen layers count in every epoch, which is an upper bound where their outputs are cached.
    """
    decoding = rates.decoding * (num_train + num_val)
    if is_run_once(recipe):
        views = recipe.cached_views or 1
        return rates.setup + decoding + rates.forward * (views * num_train + num_val)
    probe = num_train if recipe.head_start == "linear_probe" else 0
    epoch = rates.step * num_train + rates.forward * num_val
    return decoding + rates.forward * probe + epoch * recipe.epochs
