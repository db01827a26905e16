"""Compute validation's preprocessing in float64 with torch's own interpolation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pad

from app.ml.images.preprocessing import PreprocessingSpec

HALF = 0.501
"""The largest error of a level: rounding, after sums in float32."""


def exact_levels(pixels: NDArray[np.uint8], spec: PreprocessingSpec) -> Tensor:
    """uint8 [height, width, 3] to float64 [3, input_size, input_size], not rounded."""
    images = torch.from_numpy(pixels.astype(np.float64)).permute(2, 0, 1)[None]
    height, width = pixels.shape[:2]
    size = [int(spec.resize_size * side / min(height, width)) for side in (height, width)]
    resized = interpolate(
        images, size=size, mode=spec.interpolation, antialias=True, align_corners=False
    ).clamp(0, 255)
    missing = [max(spec.input_size - length, 0) for length in size]
    resized = pad(
        resized,
        (missing[1] // 2, (missing[1] + 1) // 2, missing[0] // 2, (missing[0] + 1) // 2),
    )
    top, left = (round((length - spec.input_size) / 2) for length in resized.shape[2:])
    return resized[0, :, top : top + spec.input_size, left : left + spec.input_size]
