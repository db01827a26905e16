"""The weights of an antialiased resize along one side: torch's and Pillow's."""

import torch
from torch import Tensor

from app.ml.models.catalogue import Interpolation

_CUBIC = -0.5
"""Keys' parameter (1981), as Pillow and torch have it where they smooth."""

RADIUS: dict[Interpolation, float] = {"bilinear": 1.0, "bicubic": 2.0}
"""How far a pixel of the result reaches: in its own pixels where the side shrinks, else in the
source's."""


def weigh(
    positions: Tensor, centres: Tensor, stretch: Tensor | float, interpolation: Interpolation
) -> Tensor:
    """What pixels of the result take of pixels of the source, before their sum is made 1.

    Floats of any shapes that broadcast: the positions of the source's pixels, the centres of the
    result's, and how many of the source's there are to one of the result's, at least 1.
    """
    distance = (positions - centres).abs() / stretch
    return _triangle(distance) if interpolation == "bilinear" else _cubic(distance)


def _triangle(distance: Tensor) -> Tensor:
    return (1.0 - distance).clamp_min(0.0)


def _cubic(distance: Tensor) -> Tensor:
    near = ((_CUBIC + 2.0) * distance - (_CUBIC + 3.0)) * distance * distance + 1.0
    far = (((distance - 5.0) * distance + 8.0) * distance - 4.0) * _CUBIC
    return torch.where(distance < 1.0, near, torch.where(distance < 2.0, far, 0.0))  # noqa: PLR2004
