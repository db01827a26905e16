"""How training images are varied: pure functions of the image and of what decides its randomness.

Works on whole levels (uint8), where torch's antialiased resize is several times faster than in
float32; validation and serving do not pass through here.
"""

import math
from random import Random
from typing import NamedTuple

from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812 -- the library's own habit

from app.ml.images.operations import apply_operations
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.recipe import NoAugmentation, RandAugment, TrivialAugment, TutorialAugmentation
from app.ml.runtime.seeding import derive_seed

_ASPECT_RATIOS = (3 / 4, 4 / 3)
_LOG_ASPECT_RATIOS = (math.log(3 / 4), math.log(4 / 3))
_NUM_CROP_TRIES = 10

Box = tuple[int, int, int, int]
"""A crop: top, left, height, width in pixels."""

RandomAugmentation = TutorialAugmentation | TrivialAugment | RandAugment


class View(NamedTuple):
    """A crop of an image, and whether it is seen in a mirror."""

    box: Box
    is_flipped: bool


class Draw(NamedTuple):
    """What decides the randomness of one image in one epoch."""

    seed: int
    epoch: int
    image_id: int


def is_random(augmentation: RandomAugmentation | NoAugmentation) -> bool:
    """Whether training images differ from validation images at all."""
    return not isinstance(augmentation, NoAugmentation)


def augment(
    pixels: Tensor, spec: PreprocessingSpec, augmentation: RandomAugmentation, draw: Draw
) -> Tensor:
    """A varied training image: uint8 [3, height, width] to uint8 [3, input_size, input_size].

    A random crop, resized, flipped half of the time, then the operations of the augmentation. A
    pure function of its arguments: neither the order nor the threads in which images are prepared
    matter.
    """
    random = _start(draw)
    height, width = pixels.shape[-2:]
    (top, left, crop_height, crop_width), is_flipped = _draw_view(
        width, height, augmentation, random
    )
    varied: Tensor = F.resize(
        pixels[:, top : top + crop_height, left : left + crop_width],
        [spec.input_size, spec.input_size],
        InterpolationMode(spec.interpolation),
        antialias=True,
    )
    if is_flipped:
        varied = varied.flip(-1)
    if not isinstance(augmentation, TutorialAugmentation):
        varied = apply_operations(varied, augmentation, random)
    return varied


def draw_view(width: int, height: int, augmentation: RandomAugmentation, draw: Draw) -> View:
    """What `augment` takes of an image of this size, and whether it flips it."""
    return _draw_view(width, height, augmentation, _start(draw))


def draw_crop(width: int, height: int, min_scale: float, random: Random) -> Box:
    """Draw a crop of min_scale..1 of the area with an aspect ratio of 3:4 to 4:3.

    After ten draws that do not fit: the largest central crop within those ratios.
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


def _start(draw: Draw) -> Random:
    # torch's generator takes three times as long for one number after another, and where images lie
    # on a GPU, these numbers are what a batch costs the host.
    return Random(derive_seed("augment", *draw))  # noqa: S311 - not a secret


def _draw_view(width: int, height: int, augmentation: RandomAugmentation, random: Random) -> View:
    box = draw_crop(width, height, augmentation.min_scale, random)
    return View(box, is_flipped=random.random() < 0.5)  # noqa: PLR2004 -- a fair coin
