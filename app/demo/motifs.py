"""Define the motifs that the demo draws, as masks over coordinates.

A motif takes coordinates x and y (float arrays of one shape, y pointing down) and returns a mask of
the drawn points. A shape is inside the unit circle; a texture covers the plane and repeats about
once per unit.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]
Mask = NDArray[np.bool_]
Motif = Callable[[Coordinates, Coordinates], Mask]


def disc(x: Coordinates, y: Coordinates) -> Mask:
    """A filled circle."""
    return np.hypot(x, y) < 0.85


def ring(x: Coordinates, y: Coordinates) -> Mask:
    """A circle with a hole."""
    return disc(x, y) & (np.hypot(x, y) > 0.5)


def square(x: Coordinates, y: Coordinates) -> Mask:
    """A filled square."""
    return np.maximum(abs(x), abs(y)) < 0.7


def triangle(x: Coordinates, y: Coordinates) -> Mask:
    """An equilateral triangle standing on its base."""
    return (y < 0.5) & (y + 1 > math.sqrt(3) * abs(x))


def star(x: Coordinates, y: Coordinates) -> Mask:
    """A five-pointed star."""
    fifth = math.tau / 5
    angle = abs((np.arctan2(x, -y) + fifth / 2) % fifth - fifth / 2)
    reach = np.cos(angle) + np.sin(angle) * math.tan(0.4 * math.pi)
    return np.hypot(x, y) * reach < 1


def plus(x: Coordinates, y: Coordinates) -> Mask:
    """Two crossed bars."""
    return (np.minimum(abs(x), abs(y)) < 0.28) & (np.maximum(abs(x), abs(y)) < 0.9)


def crescent(x: Coordinates, y: Coordinates) -> Mask:
    """A disc with a part cut off by another disc."""
    return (np.hypot(x, y) < 0.9) & (np.hypot(x - 0.45, y) > 0.7)


def heart(x: Coordinates, y: Coordinates) -> Mask:
    """The sextic heart curve (x² + y² - 1)³ = x² y³."""
    x, y = 1.35 * x, 0.1 - 1.35 * y
    return (x**2 + y**2 - 1) ** 3 < x**2 * y**3


def arrow(x: Coordinates, y: Coordinates) -> Mask:
    """A shaft with a head."""
    shaft = (abs(x) < 0.2) & (abs(y) < 0.9)
    return shaft | ((y < -0.05) & (y + 0.95 > abs(x) * 1.3))


def hourglass(x: Coordinates, y: Coordinates) -> Mask:
    """Two triangles that meet at their tips."""
    return (abs(x) < abs(y)) & (abs(y) < 0.7)


def stripes(x: Coordinates, y: Coordinates) -> Mask:  # noqa: ARG001 - a motif takes both
    """Parallel bars."""
    return x % 1 < 0.5


def checks(x: Coordinates, y: Coordinates) -> Mask:
    """A chessboard."""
    return (x % 1 < 0.5) ^ (y % 1 < 0.5)


def dots(x: Coordinates, y: Coordinates) -> Mask:
    """Discs on a grid."""
    return np.hypot(x % 1 - 0.5, y % 1 - 0.5) < 0.33


def zigzag(x: Coordinates, y: Coordinates) -> Mask:
    """Bars in zigzag lines."""
    return (x + abs(y % 2 - 1)) % 1 < 0.5


def waves(x: Coordinates, y: Coordinates) -> Mask:
    """Bars in wavy lines."""
    return (x + 0.35 * np.sin(math.pi * y)) % 1 < 0.5


def bricks(x: Coordinates, y: Coordinates) -> Mask:
    """Running bond: each course is shifted by half a brick."""
    course = np.floor(y / 0.6)
    return ((x / 1.2 + course / 2) % 1 > 0.12) & (y / 0.6 % 1 > 0.22)


SHAPES: dict[str, Motif] = {
    motif.__name__: motif
    for motif in (disc, ring, square, triangle, star, plus, crescent, heart, arrow, hourglass)
}
TEXTURES: dict[str, Motif] = {
    motif.__name__: motif for motif in (stripes, checks, dots, zigzag, waves, bricks)
}
