"""From an RGB image to what a network sees: one spec, used in training, validation and serving.

The resize is torchvision's antialiased one in float32, rounded half to even and clamped to 0..255,
with torchvision's arithmetic of sizes: a definition that other runtimes can reproduce exactly,
which the uint8 resize is not.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F  # noqa: N812 -- the library's own habit

from app.ml.catalogue import IMAGENET_MEAN, IMAGENET_STD, Interpolation
from app.ml.recipe import Augmentation, TutorialAugmentation
from app.ml.seeding import derive_seed

_ASPECT_RATIOS = (3 / 4, 4 / 3)
_LOG_ASPECT_RATIOS = (math.log(3 / 4), math.log(4 / 3))
_NUM_CROP_TRIES = 10

Box = tuple[int, int, int, int]
"""A crop: top, left, height, width in pixels."""


class PreprocessingSpec(BaseModel):
    """How a model wants its images: stored in every checkpoint.

    The shorter side is resized to resize_size pixels, the centre input_size x input_size is cut out
    (padded with black where the image is smaller), scaled to 0..1, then normalised per channel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    input_size: int = Field(ge=1)
    resize_size: int = Field(ge=1)
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


class Draw(NamedTuple):
    """What decides the randomness of one image in one epoch."""

    seed: int
    epoch: int
    image_id: int


def prepare_eval(image: Image.Image, spec: PreprocessingSpec) -> Tensor:
    """Prepare an RGB image for validation or serving: float32 [3, input_size, input_size]."""
    pixels = _resize(_to_tensor(image), [spec.resize_size], spec)
    return _normalize(F.center_crop(pixels, [spec.input_size]), spec)


def prepare_train(
    image: Image.Image, spec: PreprocessingSpec, augmentation: Augmentation, draw: Draw
) -> Tensor:
    """Prepare an RGB image for training: float32 [3, input_size, input_size].

    A random crop of the full-size image, resized, and flipped half of the time. A pure function of
    its arguments: neither the order nor the threads in which images are prepared matter.
    Without augmentation the same as `prepare_eval`.
    """
    if not isinstance(augmentation, TutorialAugmentation):
        return prepare_eval(image, spec)
    random = torch.Generator().manual_seed(derive_seed("augment", *draw))
    box = draw_crop(image.width, image.height, augmentation.min_scale, random)
    pixels = F.crop(_to_tensor(image), *box)
    pixels = _resize(pixels, [spec.input_size, spec.input_size], spec)
    if torch.rand((), generator=random).item() < 0.5:  # noqa: PLR2004 -- a fair coin
        pixels = F.hflip(pixels)
    return _normalize(pixels, spec)


def draw_crop(width: int, height: int, min_scale: float, random: torch.Generator) -> Box:
    """Draw a crop of min_scale..1 of the area with an aspect ratio of 3:4 to 4:3.

    After ten draws that do not fit: the largest central crop within those ratios.
    Source: Szegedy et al., Going deeper with convolutions (2015), as torchvision's
    RandomResizedCrop does it.
    """
    for _ in range(_NUM_CROP_TRIES):
        area = width * height * _draw(min_scale, 1.0, random)
        ratio = math.exp(_draw(*_LOG_ASPECT_RATIOS, random))
        crop_width = round(math.sqrt(area * ratio))
        crop_height = round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            top = int(torch.randint(height - crop_height + 1, (), generator=random))
            left = int(torch.randint(width - crop_width + 1, (), generator=random))
            return top, left, crop_height, crop_width
    narrowest, widest = _ASPECT_RATIOS
    crop_width = min(width, max(1, round(height * widest)))
    crop_height = min(height, max(1, round(width / narrowest)))
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


def _draw(low: float, high: float, random: torch.Generator) -> float:
    return float(low + (high - low) * torch.rand((), generator=random).item())


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def _resize(pixels: Tensor, size: list[int], spec: PreprocessingSpec) -> Tensor:
    resized: Tensor = F.resize(
        pixels.to(torch.float32, memory_format=torch.contiguous_format),
        size,
        InterpolationMode(spec.interpolation),
        antialias=True,
    )
    return resized.round().clamp(0.0, 255.0)


def _normalize(pixels: Tensor, spec: PreprocessingSpec) -> Tensor:
    normalized: Tensor = F.normalize(pixels / 255.0, list(spec.mean), list(spec.std))
    return normalized
