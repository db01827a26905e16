"""Augment training images by pure functions of the image and its seed.

Images are uint8, for which torch's antialiased resize is several times faster than for float32.
Validation and serving do not use this module.
"""

import math
from random import Random
from typing import NamedTuple

from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812 -- the library's own habit

from app.ml.images.augmentation_operations import apply_operations
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.recipe import NoAugmentation, RandAugment, TrivialAugment, TutorialAugmentation
from app.ml.runtime.seeding import derive_seed

_ASPECT_RATIOS = (3 / 4, 4 / 3)
_LOG_ASPECT_RATIOS = (math.log(3 / 4), math.log(4 / 3))
_NUM_CROP_TRIES = 10

Box = tuple[int, int, int, int]
"""A crop: top, left, height, width in pixels."""

RandomAugmentation = TutorialAugmentation | TrivialAugment | RandAugment


class CropParameters(NamedTuple):
    """A crop of an image, and whether it is flipped horizontally."""

    box: Box
    is_flipped: bool


class AugmentationSeed(NamedTuple):
    """The seed of the augmentation of one image in one epoch."""

    seed: int
    epoch: int
    image_id: int


def is_random(augmentation: RandomAugmentation | NoAugmentation) -> bool:
    """Return whether the augmentation changes training images at all."""
    return not isinstance(augmentation, NoAugmentation)


def augment(
    pixels: Tensor,
    spec: PreprocessingSpec,
    augmentation: RandomAugmentation,
    seed: AugmentationSeed,
) -> Tensor:
    """Augment a training image: uint8 [3, height, width] to uint8 [3, input_size, input_size].

    Takes a random crop, resizes it, flips it with probability 0.5, then applies the augmentation's
    operations. The result is a function of the arguments alone, so neither the order of images nor
    the number of threads matters.
    """
    random = _make_random(seed)
    height, width = pixels.shape[-2:]
    (top, left, crop_height, crop_width), is_flipped = _draw_crop_parameters(
        width, height, augmentation, random
    )
    augmented: Tensor = F.resize(
        pixels[:, top : top + crop_height, left : left + crop_width],
        [spec.input_size, spec.input_size],
        InterpolationMode(spec.interpolation),
        antialias=True,
    )
    if is_flipped:
        augmented = augmented.flip(-1)
    if not isinstance(augmentation, TutorialAugmentation):
        augmented = apply_operations(augmented, augmentation, random)
    return augmented


def draw_crop_parameters(
    width: int, height: int, augmentation: RandomAugmentation, seed: AugmentationSeed
) -> CropParameters:
    """Draw the crop and the flip that `augment` applies to an image of this size."""
    return _draw_crop_parameters(width, height, augmentation, _make_random(seed))


def draw_crop_box(width: int, height: int, min_scale: float, random: Random) -> Box:
    """Draw a crop with a share of min_scale to 1 of the area and an aspect ratio of 3:4 to 4:3.

    After ten draws that do not fit, take the largest central crop within these ratios.
    Source: Szegedy et al., Going deeper with convolutions (2015), as torchvision's
    RandomResizedCrop does it.
    """
    for _ in range(_NUM_CROP_TRIES):
        area = width * height * random.uniform(min_scale, 1.0)
        ratio = math.exp(random.uniform(*_LOG_ASPECT_RATIOS))
        crop_width = round(math.sqrt(area * ratio))
        crop_height = round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            top = random.randrange(height - crop_height + 1)
            left = random.randrange(width - crop_width + 1)
            return top, left, crop_height, crop_width
    narrowest, widest = _ASPECT_RATIOS
    crop_width = min(width, max(1, round(height * widest)))
    crop_height = min(height, max(1, round(width / narrowest)))
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


def _make_random(seed: AugmentationSeed) -> Random:
    # torch's generator takes three times as long for single numbers. For images in a GPU's memory,
    # these numbers are the host's whole work for a batch.
    return Random(derive_seed("augment", *seed))  # noqa: S311 - not a secret


def _draw_crop_parameters(
    width: int, height: int, augmentation: RandomAugmentation, random: Random
) -> CropParameters:
    box = draw_crop_box(width, height, augmentation.min_scale, random)
    return CropParameters(box, is_flipped=random.random() < 0.5)  # noqa: PLR2004 -- a fair coin
