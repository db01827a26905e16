"""The images of a job as batches on its device."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from app.datasets.manifest import read_manifest
from app.errors import InputProblem, TooFewImages, ValidationFailed
from app.ml.catalogue import get_entry
from app.ml.images import decode_image
from app.ml.preprocessing import Draw, PreprocessingSpec, prepare_eval, prepare_train
from app.ml.recipe import Recipe
from app.storage import Storage
from worker.training.config import TrainingConfig
from worker.training.data import Batch, Loader, Sample, plan_batches, select_samples, shuffle


@dataclass(frozen=True)
class ImageFeed:
    """Training batches, shuffled and augmented by epoch, and validation batches in fixed order."""

    recipe: Recipe
    spec: PreprocessingSpec
    train: list[Sample]
    val: list[Sample]
    loader: Loader
    device: torch.device

    @property
    def num_train_batches(self) -> int:
        return len(plan_batches(len(self.train), self.recipe.batch_size))

    @property
    def num_val_batches(self) -> int:
        return len(plan_batches(len(self.val), self.recipe.batch_size))

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        def prepare(sample: Sample) -> Tensor:
            draw = Draw(self.recipe.seed, epoch, sample.image_id)
            image = decode_image(sample.path)
            return prepare_train(image, self.spec, self.recipe.augmentation, draw)

        samples = shuffle(self.train, seed=self.recipe.seed, epoch=epoch)
        sizes = plan_batches(len(samples), self.recipe.batch_size)
        return self._move(self.loader.load(samples, sizes, prepare))

    def val_batches(self) -> Iterator[Batch]:
        def prepare(sample: Sample) -> Tensor:
            return prepare_eval(decode_image(sample.path), self.spec)

        sizes = plan_batches(len(self.val), self.recipe.batch_size)
        return self._move(self.loader.load(self.val, sizes, prepare))

    def _move(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        return ((images.to(self.device), targets.to(self.device)) for images, targets in batches)


def open_feed(
    config: TrainingConfig,
    storage: Storage,
    spec: PreprocessingSpec,
    loader: Loader,
    device: torch.device,
) -> ImageFeed:
    """The feed of a job.

    Raises TooFewImages where there is no validation image or an epoch would be a single image, and
    ValidationFailed where the input is too small for the architecture and the smallest batch.
    """
    recipe = config.recipe
    records = list(read_manifest(storage.path(config.manifest_key)))
    train = select_samples(records, "train", config.class_names, storage.path)
    val = select_samples(records, "val", config.class_names, storage.path)
    if len(train) <= 1 or not val:
        raise TooFewImages(
            f"There are {len(train)} training and {len(val)} validation images; "
            "at least two and one are needed."
        )
    smallest_batch = min(plan_batches(len(train), recipe.batch_size))
    min_size = get_entry(recipe.architecture).get_min_input_size(smallest_batch)
    if recipe.input_size < min_size:
        raise ValidationFailed(
            InputProblem(
                ("input_size",),
                f"{recipe.architecture} needs an input of at least {min_size} pixels to train "
                f"with batches of {smallest_batch}.",
            )
        )
    return ImageFeed(recipe, spec, train, val, loader, device)
