"""Keep a job's images in GPU memory, so that the host only draws a batch's random numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice

import torch
from torch import Tensor

from app.ml.images.augmentation import AugmentationSeed, draw_crop_parameters
from app.ml.images.crops import ImageLocation, copy_to_device, crop_batch
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.recipe import NoAugmentation, TutorialAugmentation
from worker.training.cache import CachedImages
from worker.training.data import Batch, Sample
from worker.training.feed import ImageFeed, Read

_SHARE = 0.25
"""Share of the GPU's free memory for images; the rest is for the model."""


@dataclass(frozen=True)
class _Resident:
    """Images that are read one by one on the host, or many at once on the device."""

    host: Read
    images: CachedImages
    spec: PreprocessingSpec

    def __call__(self, sample: Sample) -> Tensor:
        return self.host(sample)

    def read(self, samples: Sequence[Sample]) -> Tensor:
        """Return images as in validation: uint8 [batch, 3, input_size, input_size]."""
        size = self.spec.input_size
        positions = [self.images.locate(sample)[0] // (size * size) for sample in samples]
        chosen = copy_to_device(
            torch.tensor(positions, dtype=torch.int64), self.images.pixels.device
        )
        return self.images.pixels.view(-1, size, size, 3)[chosen].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class _ResidentViews(_Resident):
    """Images as in an epoch: the same random crops and flips as on the host."""

    augmentation: TutorialAugmentation
    seed: int
    epoch: int

    def read(self, samples: Sequence[Sample]) -> Tensor:
        places, views = [], []
        for sample in samples:
            start, width, height = self.images.locate(sample)
            draw = AugmentationSeed(self.seed, self.epoch, sample.image_id)
            places.append(ImageLocation(start, width))
            views.append(draw_crop_parameters(width, height, self.augmentation, draw))
        return crop_batch(self.images.pixels.view(-1, 3), places, views, self.spec)


@dataclass(frozen=True, kw_only=True)
class DeviceFeed(ImageFeed):
    """An ImageFeed for a GPU, in which the host never waits for the device.

    Resident images are cropped on the device; other images are prepared on the host and copied from
    pinned memory. mean and std are those of the spec, [3, 1, 1].
    """

    resident: CachedImages | None
    mean: Tensor
    std: Tensor

    def make_train_reader(self, epoch: int) -> Read:
        read = super().make_train_reader(epoch)
        augmentation = self.recipe.augmentation
        if self.resident is None or not isinstance(augmentation, TutorialAugmentation):
            return read
        return _ResidentViews(read, self.resident, self.spec, augmentation, self.recipe.seed, epoch)

    def _load(self, samples: Sequence[Sample], sizes: Sequence[int], read: Read) -> Iterator[Batch]:
        if not isinstance(read, _Resident) or not all(s in read.images for s in samples):
            yield from super()._load(samples, sizes, read)
            return
        waiting = iter(samples)
        for size in sizes:
            batch = list(islice(waiting, size))
            targets = torch.tensor([sample.target for sample in batch], dtype=torch.int64)
            yield self._finish(read.read(batch)), copy_to_device(targets, self.device)

    def _finish(self, pixels: Tensor) -> Tensor:
        # The arithmetic of `normalize`, which would wait for the device's values.
        if pixels.device.type != self.device.type:
            pixels = copy_to_device(pixels, self.device)
        images = pixels / 255.0
        images = images.sub_(self.mean).div_(self.std)
        return images.contiguous(memory_format=torch.channels_last)


def keep_on_device(feed: ImageFeed, max_bytes: int) -> tuple[DeviceFeed, bool]:
    """Return the feed with its cached images on its device, and whether training images are there.

    Images stay on the host if they are not cached, exceed max_bytes, or are augmented by more
    than crops and flips.
    """
    augmentation = feed.recipe.augmentation
    sources, plains = feed.sources, feed.plains
    if not isinstance(augmentation, TutorialAugmentation):
        sources = None
    if sum(images.pixels.nbytes for images in (sources, plains) if images) > max_bytes:
        sources = plains = None
    kept = {field.name: getattr(feed, field.name) for field in fields(feed)}
    if plains is not None:
        kept["read_plain"] = _Resident(feed.read_plain, plains.moved_to(feed.device), feed.spec)
    on_device = DeviceFeed(
        **kept,
        resident=sources and sources.moved_to(feed.device),
        mean=torch.tensor(feed.spec.mean, device=feed.device).view(3, 1, 1),
        std=torch.tensor(feed.spec.std, device=feed.device).view(3, 1, 1),
    )
    train = plains if isinstance(augmentation, NoAugmentation) else sources
    return on_device, train is not None


def count_resident_bytes(device: torch.device) -> int:
    """Return the bytes of a GPU's free memory that images may take."""
    return int(torch.cuda.mem_get_info(device)[0] * _SHARE)
