"""Draw a synthetic image of a motif.

Only the motif depends on the class. Colours, size, position, angle, background, clutter and noise
are random, with the same distributions for every class.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.demo.motifs import SHAPES, TEXTURES, Coordinates, Mask

IMAGE_SIZE = 64
"""Width and height in pixels."""

_OVERSAMPLING = 2
_LEAST_CONTRAST = 90.0
"""Smallest difference between ink and background, averaged over the channels, in 0-255 levels."""

Levels = NDArray[np.float64]


def draw(motif: str, random: np.random.Generator) -> Image.Image:
    """Draw an RGB image of a motif, IMAGE_SIZE pixels square.

    The same state of the generator gives the same image. Raises KeyError for an unknown motif.
    """
    x, y = _grid()
    ground = random.uniform(20, 235, 3)
    ink = _contrasting(ground, random)
    canvas = ground + _background(x, y, random)
    for _ in range(random.integers(1, 4)):
        canvas = _paint(canvas, _clutter(x, y, random), random.uniform(0, 255, 3), 0.7)
    canvas = _paint(canvas, _place(motif, x, y, random), ink, random.uniform(0.8, 1))
    image = _shrink(canvas) + random.normal(0, random.uniform(4, 16), (IMAGE_SIZE, IMAGE_SIZE, 3))
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


def _grid() -> tuple[Coordinates, Coordinates]:
    side = np.linspace(-1, 1, IMAGE_SIZE * _OVERSAMPLING)
    x, y = np.meshgrid(side, side)
    return x, y


def _contrasting(ground: Levels, random: np.random.Generator) -> Levels:
    while True:
        ink = random.uniform(0, 255, 3)
        if abs(ink - ground).mean() >= _LEAST_CONTRAST:
            return ink


def _background(x: Coordinates, y: Coordinates, random: np.random.Generator) -> Levels:
    """Return a gradient with two soft spots, in levels, equal for all channels."""
    levels = random.normal(0, 20) * x + random.normal(0, 20) * y
    for _ in range(2):
        centre = random.uniform(-1, 1), random.uniform(-1, 1)
        distance = np.hypot(x - centre[0], y - centre[1]) / random.uniform(0.2, 0.6)
        levels = levels + random.normal(0, 20) * np.exp(-(distance**2))
    return np.asarray(levels)[..., None]


def _clutter(x: Coordinates, y: Coordinates, random: np.random.Generator) -> Mask:
    """Return a mask of a thin scratch or a speck."""
    x, y = _moved(x, y, _anywhere(1, random), random.uniform(0, math.pi))
    length, breadth = random.uniform(0.05, 0.6), random.uniform(0.02, 0.06)
    return (abs(x) < length) & (abs(y) < breadth)


def _place(motif: str, x: Coordinates, y: Coordinates, random: np.random.Generator) -> Mask:
    """Return the motif's mask at a random position, size and angle; a texture fills a square."""
    radius = random.uniform(0.55, 0.9)
    centre = _anywhere(1 - radius, random)
    if motif in SHAPES:
        x, y = _moved(x, y, centre, random.uniform(-0.4, 0.4))
        return SHAPES[motif](x / radius, y / radius)
    across, down = _moved(x, y, centre, 0)
    window = np.maximum(abs(across), abs(down)) < radius
    x, y = _moved(x, y, _anywhere(1, random), random.uniform(0, math.pi))
    repeat = random.uniform(0.22, 0.4)
    return TEXTURES[motif](x / repeat, y / repeat) & window


def _anywhere(reach: float, random: np.random.Generator) -> tuple[float, float]:
    return random.uniform(-reach, reach), random.uniform(-reach, reach)


def _moved(
    x: Coordinates, y: Coordinates, centre: tuple[float, float], angle: float
) -> tuple[Coordinates, Coordinates]:
    """Return the coordinates relative to a centre, rotated by an angle in radians."""
    x, y = x - centre[0], y - centre[1]
    return x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)


def _paint(canvas: Levels, mask: Mask, colour: Levels, opacity: float) -> Levels:
    return np.where(mask[..., None], canvas + opacity * (colour - canvas), canvas)


def _shrink(canvas: Levels) -> Levels:
    shape = (IMAGE_SIZE, _OVERSAMPLING, IMAGE_SIZE, _OVERSAMPLING, 3)
    return np.asarray(canvas.reshape(shape).mean(axis=(1, 3)))
