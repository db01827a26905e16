"""The images of a job as batches on its device."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from app.datasets.manifest import Split, read_manifest
from app.errors import TooFewImages
from app.jobs.prediction_file import fingerprint_of
from app.ml.images.augmentation import AugmentationSeed, augment
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels, normalize
from app.ml.models.catalogue import get_architecture
from app.ml.recipe import NoAugmentation, Recipe
from app.ml.runtime.seeding import derive_seed
from app.storage import Storage
from worker.training.cache import (
    CachedImages,
    Form,
    ImageCache,
    OnImage,
    decode,
    eval_form,
    source_form,
)
from worker.training.config import TrainingConfig
from worker.training.data import Batch, Loader, Sample, plan_batches, select_samples, shuffle
from worker.training.distributed import SINGLE_PROCESS, ProcessGroup
from worker.training.mixing import mix

LANE_BATCH_SIZE = 8
"""Images that one thread processes at a time: more are not faster, and leave cores idle longer."""

MIN_EVAL_BATCH_SIZE = 32
"""Evaluation keeps no gradients, so larger batches than in training fit in memory."""

Read = Callable[[Sample], Tensor]
"""Reads a sample's image: uint8 [3, height, width]."""


@dataclass(frozen=True)
class Splits:
    """The samples of a job.

    paths are those in the archive, fingerprints those of the images' bytes
    (`app.jobs.prediction_file`); both by image id.
    """

    train: list[Sample]
    val: list[Sample]
    test: list[Sample]
    paths: dict[int, str]
    fingerprints: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class ImageFeed:
    """Training batches, shuffled and augmented by epoch; other splits' batches in a fixed order.

    In a process group, training and validation batches are this process's parts, which may be
    empty; `eval_batches` and `map_once` are not divided. sources and plains are the cached images.
    """

    recipe: Recipe
    spec: PreprocessingSpec
    splits: Splits
    num_classes: int
    read_source: Read
    read_plain: Read
    loader: Loader
    device: torch.device
    group: ProcessGroup = SINGLE_PROCESS
    sources: CachedImages | None = None
    plains: CachedImages | None = None

    @property
    def num_train_batches(self) -> int:
        return len(plan_batches(len(self.splits.train), self.recipe.batch_size))

    @property
    def num_val_batches(self) -> int:
        return len(self._plan_large(self.splits.val))

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        recipe = self.recipe
        train = self.splits.train
        order = shuffle(
            torch.tensor([sample.target for sample in train]),
            seed=recipe.seed,
            epoch=epoch,
            is_balanced=recipe.class_balance == "sampling",
        )
        mixes = recipe.mixing is not None
        parts = self._divide(plan_batches(len(train), recipe.batch_size), with_neighbour=mixes)
        samples = [train[order[position]] for part in parts for position in part]
        batches = self._load(samples, [len(part) for part in parts], self.make_train_reader(epoch))
        for step, batch in enumerate(batches):
            if recipe.mixing is None:
                yield batch
            else:
                seed = derive_seed("mix", recipe.seed, epoch, step)
                images, targets = mix(batch, recipe.mixing, self.num_classes, seed)
                is_neighbour = int(not self.group.is_single)
                yield images[is_neighbour:], targets[is_neighbour:]

    def val_batches(self) -> Iterator[Batch]:
        val = self.splits.val
        parts = self._divide(self._plan_large(val))
        samples = [val[position] for part in parts for position in part]
        return self._load(samples, [len(part) for part in parts], self.read_plain)

    def eval_batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        """Yield the samples in their order, prepared as for serving."""
        return self._load(samples, self._plan_large(samples), self.read_plain)

    def map_once(
        self, samples: Sequence[Sample], read: Read, function: Callable[[Tensor], Tensor]
    ) -> Iterator[Batch]:
        """Yield the outputs of a stateless function for the samples' images, and their targets.

        On the CPU each of the loader's threads processes whole batches, from decoding to the
        function's output, with one torch thread. No thread waits for another.
        """
        if self.device.type != "cpu":
            for images, targets in self._load(samples, self._plan_large(samples), read):
                yield function(images), targets
            return

        def work(batch: Sequence[Sample]) -> Batch:
            images = self._finish(torch.stack([read(sample) for sample in batch]))
            return function(images), torch.tensor([sample.target for sample in batch])

        starts = range(0, len(samples), LANE_BATCH_SIZE)
        batches = (samples[start : start + LANE_BATCH_SIZE] for start in starts)
        yield from self.loader.map(work, batches)

    def make_train_reader(self, epoch: int) -> Read:
        """Return the function that reads and augments training images in an epoch."""
        augmentation = self.recipe.augmentation
        if isinstance(augmentation, NoAugmentation):
            return self.read_plain

        def read(sample: Sample) -> Tensor:
            draw = AugmentationSeed(self.recipe.seed, epoch, sample.image_id)
            return augment(self.read_source(sample), self.spec, augmentation, draw)

        return read

    def _divide(self, sizes: Sequence[int], *, with_neighbour: bool = False) -> list[list[int]]:
        """Return the positions of this process's images in an epoch of batches of these sizes.

        Mixing also needs the image before this process's first one in the batch, cyclically.
        """
        parts = []
        for size, start in zip(sizes, accumulate(sizes, initial=0), strict=False):
            part = [start + position for position in self.group.split_batch(size)]
            if part and with_neighbour and not self.group.is_single:
                part.insert(0, start + (part[0] - start - 1) % size)
            parts.append(part)
        return parts

    def _plan_large(self, samples: Sequence[Sample]) -> list[int]:
        return plan_batches(len(samples), max(self.recipe.batch_size, MIN_EVAL_BATCH_SIZE))

    def _load(self, samples: Sequence[Sample], sizes: Sequence[int], read: Read) -> Iterator[Batch]:
        side = self.spec.input_size
        for pixels, targets in self.loader.load(samples, sizes, read):
            # An empty batch has no image shape.
            images = self._finish(pixels.view(len(targets), 3, side, side))
            yield images, targets.to(self.device)

    def _finish(self, pixels: Tensor) -> Tensor:
        images = normalize(pixels.to(self.device), self.spec)
        return images.contiguous(memory_format=torch.channels_last)


def list_splits(config: TrainingConfig, storage: Storage) -> Splits:
    """Return the samples of a job's dataset.

    Raises TooFewImages if there is no validation image or only one training image, and
    ValidationFailed if the input is too small for the architecture and the smallest batch.
    """
    recipe = config.recipe
    records = list(read_manifest(storage.path(config.manifest_key)))

    def select(split: Split) -> list[Sample]:
        return select_samples(records, split, config.class_names, storage.path)

    splits = Splits(
        select("train"),
        select("val"),
        select("test"),
        {record.image_id: record.path for record in records},
        {record.image_id: fingerprint_of(record.sha256) for record in records},
    )
    if len(splits.train) <= 1 or not splits.val:
        raise TooFewImages(
            f"There are {len(splits.train)} training and {len(splits.val)} validation images; "
            "at least two and one are needed."
        )
    smallest_batch = min(plan_batches(len(splits.train), recipe.batch_size))
    get_architecture(recipe.architecture).check_input_size(recipe.input_size, smallest_batch)
    return splits


def open_feed(  # noqa: PLR0913 -- each is one thing the caller knows
    config: TrainingConfig,
    splits: Splits,
    spec: PreprocessingSpec,
    *,
    loader: Loader,
    device: torch.device,
    on_image: OnImage,
) -> tuple[ImageFeed, bool | None]:
    """Return the feed of a job, and whether its images are cached (None: they need no cache).

    on_image is called for each decoded image. Images that do not fit the cache are decoded again in
    every epoch. Images that are read only once need no cache.
    """
    recipe = config.recipe
    cache = ImageCache(config.cache_dir, config.image_cache_bytes, config.storage_floor_bytes)

    def open_form(samples: list[Sample], form: Form) -> CachedImages | None:
        return cache.open(
            samples,
            form,
            num_threads=recipe.num_threads,
            on_image=on_image,
        )

    source, plain = source_form(spec), eval_form(spec)
    is_varied = not isinstance(recipe.augmentation, NoAugmentation)
    is_seen_once = recipe.cached_views is not None and not is_varied
    sources = plains = None
    if is_varied:
        sources, plains = open_form(splits.train, source), open_form(splits.val, plain)
    elif not is_seen_once:
        plains = open_form([*splits.val, *splits.train], plain)

    def read_source(sample: Sample) -> Tensor:
        return sources(sample) if sources else decode(sample, source)

    def read_plain(sample: Sample) -> Tensor:
        if plains and sample in plains:
            return plains(sample)
        if sources and sample in sources and source.keeps(sample.width, sample.height):
            return eval_pixels(sources(sample), spec)
        return decode(sample, plain)

    feed = ImageFeed(
        recipe=recipe,
        spec=spec,
        splits=splits,
        num_classes=len(config.class_names),
        read_source=read_source,
        read_plain=read_plain,
        loader=loader,
        device=device,
        sources=sources,
        plains=plains,
    )
    if is_seen_once:
        return feed, None
    return feed, plains is not None and (sources is not None or not is_varied)
