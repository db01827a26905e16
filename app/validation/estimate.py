"""Estimate the memory and time of a job without running it."""

from sqlalchemy.orm import Session

from app.db.tables import Dataset
from app.jobs.repository import JobRepository
from app.ml.models.catalogue import get_architecture, num_parameters, num_trainable_parameters
from app.ml.recipe import Recipe
from app.validation.schemas import MemoryEstimate

FLOAT32_BYTES = 4

_OPTIMIZER_TENSORS = {"sgd": 1, "rmsprop": 1, "adamw": 2, "lbfgs": 20}
"""State tensors of a parameter's size in each optimizer: momenta, squares, history."""


def count_parameters(recipe: Recipe, num_classes: int) -> tuple[int, int]:
    """Return the number of (all, trainable) parameters of a recipe's model."""
    entry = get_architecture(recipe.architecture)
    trainable = num_trainable_parameters(entry, recipe.strategy, recipe.trainable_from, num_classes)
    return num_parameters(entry, num_classes), trainable


def estimate_memory(recipe: Recipe, num_classes: int) -> MemoryEstimate:
    """Return the bytes of weights, gradients and optimizer state, without activations."""
    total, trainable = count_parameters(recipe, num_classes)
    return MemoryEstimate(
        parameter_bytes=total * FLOAT32_BYTES,
        gradient_bytes=trainable * FLOAT32_BYTES,
        optimizer_bytes=trainable * FLOAT32_BYTES * _OPTIMIZER_TENSORS[recipe.optimizer.name],
    )


def estimate_seconds(session: Session, recipe: Recipe, dataset: Dataset) -> float | None:
    """Return the seconds of all epochs, estimated from similar earlier jobs; None without any."""
    rate = JobRepository(session).mean_epoch_seconds_per_image(
        recipe.architecture, recipe.strategy, recipe.input_size
    )
    num_images = sum(dataset.splits.get(name, {}).get("num_images", 0) for name in ("train", "val"))
    return None if rate is None or not num_images else rate * num_images * recipe.epochs
