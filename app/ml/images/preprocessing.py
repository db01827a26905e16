"""Prepare an RGB image as a network's input, by one spec for training, validation and serving.

The resize is torchvision's antialiased resize in float32, rounded half to even and clamped to
0..255, with torchvision's arithmetic of sizes. Other runtimes can reproduce this definition, but
not torchvision's uint8 resize.
"""

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torchvision.transforms import functional as F  # noqa: N812 -- the library's own habit

from app.ml.images.resampling import Side, resample
from app.ml.models.catalogue import IMAGENET_MEAN, IMAGENET_STD, Interpolation

_PIECE_PIXELS = 1 << 22


class PreprocessingSpec(BaseModel):
    """The preprocessing of a model's images; every checkpoint stores it.

    Resize the shorter side to resize_size pixels, crop the centre input_size x input_size (padded
    with black where the image is smaller), scale to 0..1, then normalise per channel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    input_size: int = Field(ge=1)
    resize_size: int = Field(ge=1)
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    @property
    def crop(self) -> float:
        """The side of the centre crop over the image's shorter side; above 1 it is padded."""
        return self.input_size / self.resize_size


def prepare_eval(image: Image.Image, spec: PreprocessingSpec) -> Tensor:
    """Prepare an RGB image for validation or serving: float32 [3, input_size, input_size]."""
    return normalize(eval_pixels(to_pixels(image), spec), spec)


def eval_pixels(pixels: Tensor, spec: PreprocessingSpec) -> Tensor:
    """Resize and crop an image for validation or serving, before scaling and normalisation.

    uint8 [3, height, width] to uint8 [3, input_size, input_size].
    """
    height, width = pixels.shape[1:]
    shorter = min(height, width)
    down, across = (
        Side(length, spec.resize_size * length // shorter, spec.input_size)
        for length in (height, width)
    )
    levels = resample(pixels.permute(1, 2, 0), down, across, spec.interpolation)
    cropped: Tensor = levels.round_().clamp_(0.0, 255.0).to(torch.uint8)
    return cropped


def to_pixels(image: Image.Image) -> Tensor:
    """Convert an RGB image to uint8 [3, height, width], channels last in memory."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    height = max(_PIECE_PIXELS // image.width, 1)
    for top in range(0, image.height, height):  # Pillow itself copies the whole image twice
        bottom = min(top + height, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def normalize(pixels: Tensor, spec: PreprocessingSpec) -> Tensor:
    """Scale pixels to 0..1, then normalise: uint8 [..., 3, height, width] to float32."""
    normalized: Tensor = F.normalize(pixels / 255.0, list(spec.mean), list(spec.std))
    return normalized
