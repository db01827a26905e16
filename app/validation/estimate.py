"""What a job would cost, as far as it can be known without running it."""

from sqlalchemy.orm import Session

from app.db.tables import Dataset
from app.jobs.repository import JobRepository
from app.ml.models.catalogue import get_architecture, num_parameters, num_trainable_parameters
from app.ml.recipe import Recipe
from app.validation.schemas import MemoryEstimate

FLOAT32_BYTES = 4

_OPTIMIZER_TENSORS = {"sgd": 1, "rmsprop": 1, "adamw": 2, "lbfgs": 20}
"""Tensors of a parameter's size that each optimizer keeps: momenta, squares, history."""


def count_parameters(recipe: Recipe, num_classes: int) -> tuple[int, int]:
    """(all, trainable) parameters of the model that would be trained."""
    entry = get_architecture(recipe.architecture)
    trainable = num_trainable_parameters(entry, recipe.strategy, recipe.trainable_from, num_classes)
    return num_parameters(entry, num_classes), trainable


def estimate_memory(recipe: Recipe, num_classes: int) -> MemoryEstimate:
    """Bytes of weights, gradients and optimizer state; activations depend on the device."""
    total, trainable = count_parameters(recipe, num_classes)
    return MemoryEstimate(
        parameter_bytes=total * FLOAT32_BYTES,
        gradient_bytes=trainable * FLOAT32_BYTES,
        optimizer_bytes=trainable * FLOAT32_BYTES * _OPTIMIZER_TENSORS[recipe.optimizer.name],
    )


def estimate_seconds(session: Session, recipe: Recipe, dataset: Dataset) -> float | None:
    """Seconds for all epochs, by what earlier jobs like this one took here; None without any."""
    rate = JobRepository(session).mean_epoch_seconds_per_image(
        recipe.architecture, recipe.strategy, recipe.input_size
    )
    num_images = sum(dataset.splits.get(name, {}).get("num_images", 0) for name in ("train", "val"))
    return None if rate is None or not num_images else rate * num_images * recipe.epochs
