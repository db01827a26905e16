"""How long a training takes, by what one image costs."""

from dataclasses import dataclass

from app.ml.recipe import Recipe, is_run_once

STEP_OVER_FORWARD = 3.0
"""A step's arithmetic in forward passes: the backward pass takes two (Kaplan et al., "Scaling Laws
for Neural Language Models", 2020, section 2.1, which holds for any layer of multiply-adds)."""


@dataclass(frozen=True)
class Rates:
    """Seconds an image: to decode it, to run the network on it, and to learn from it as well."""

    decoding: float
    forward: float
    step: float


def estimate_seconds(recipe: Recipe, rates: Rates, *, num_train: int, num_val: int) -> float:
    """All epochs of a recipe; what a head costs beside its trunk is not counted.

    A partly frozen network counts as if it ran in every epoch, which is an upper bound where its
    frozen layers are cached.
    """
    decoding = rates.decoding * (num_train + num_val)
    if is_run_once(recipe):
        views = recipe.cached_views or 1
        return decoding + rates.forward * (views * num_train + num_val)
    probe = num_train if recipe.head_start == "linear_probe" else 0
    epoch = rates.step * num_train + rates.forward * num_val
    return decoding + rates.forward * probe + epoch * recipe.epochs
