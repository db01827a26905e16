"""Compute the weights of an antialiased resize along one side, as torch and Pillow do."""

import torch
from torch import Tensor

from app.ml.models.catalogue import Interpolation

_CUBIC = -0.5
"""Keys' parameter (1981), as in Pillow's and torch's antialiased resizes."""

RADIUS: dict[Interpolation, float] = {"bilinear": 1.0, "bicubic": 2.0}
"""The radius of the kernel: in pixels of the result where the side shrinks, else of the source."""


def compute_weights(
    positions: Tensor, centres: Tensor, stretch: Tensor | float, interpolation: Interpolation
) -> Tensor:
    """Compute the weight of each source pixel in each pixel of the result, not yet normalised.

    All arguments are floats of shapes that broadcast: the positions of the source's pixels, the
    centres of the result's pixels, and the number of source pixels per pixel of the result (at
    least 1).
    """
    distance = (positions - centres).abs() / stretch
    return _triangle(distance) if interpolation == "bilinear" else _cubic(distance)


def _triangle(distance: Tensor) -> Tensor:
    return (1.0 - distance).clamp_min(0.0)


def _cubic(distance: Tensor) -> Tensor:
    near = ((_CUBIC + 2.0) * distance - (_CUBIC + 3.0)) * distance * distance + 1.0
    far = (((distance - 5.0) * distance + 8.0) * distance - 4.0) * _CUBIC
    return torch.where(distance < 1.0, near, torch.where(distance < 2.0, far, 0.0))  # noqa: PLR2004
