"""Draw synthetic images for datasets: a shape filled with a texture, on a cluttered background.

Position, size, angle, colours, background, clutter and noise have the same distributions in every
class, so only the shape and the texture identify the class.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.demo.motifs import SHAPES, TEXTURES, Coordinates, Mask

IMAGE_SIZE = 144
"""Width and height in pixels."""

_MIN_CONTRAST = 60.0
"""Minimum distance between two colours that must differ visibly, averaged over the channels."""

Levels = NDArray[np.float64]


@dataclass(frozen=True)
class Motif:
    """The shape and texture of a class; a texture of None means a random one for each image."""

    shape: str
    texture: str | None

    @property
    def class_name(self) -> str:
        return f"{self.texture}-{self.shape}" if self.texture else self.shape


def draw_split(
    folder: Path, counts: Mapping[Motif, int], random: np.random.Generator, *, noise: float
) -> None:
    """Write `folder/<class>/<number>.jpg`, counts[motif] images of each motif."""
    for motif, count in counts.items():
        class_folder = folder / motif.class_name
        class_folder.mkdir(parents=True)
        for number in range(count):
            draw(motif, random, noise=noise).save(class_folder / f"{number:03}.jpg", quality=85)


def draw(motif: Motif, random: np.random.Generator, *, noise: float) -> Image.Image:
    """Draw a motif once, RGB; noise is the largest standard deviation, in 0-255 levels."""
    side = np.linspace(-1, 1, IMAGE_SIZE)
    x, y = np.meshgrid(side, side)
    background = random.uniform(20, 235, 3)
    canvas = _make_background(x, y, background, random)
    for _ in range(random.integers(1, 6)):
        canvas = _paint(canvas, _draw_clutter(x, y, random), random.uniform(0, 255, 3))
    radius = random.uniform(0.4, 0.8)
    x, y = _move(x, y, random.uniform(radius - 1, 1 - radius, 2), random.uniform(-0.5, 0.5))
    outline = SHAPES[motif.shape](x / radius, y / radius)
    first = _draw_colour(random, background)
    canvas = _paint(canvas, outline, first)
    texture = motif.texture or random.choice(["plain", *TEXTURES])
    if texture != "plain":
        repeat = random.uniform(0.16, 0.3)
        x, y = _move(x, y, random.uniform(-1, 1, 2), random.uniform(0, math.pi))
        filling = TEXTURES[texture](x / repeat, y / repeat)
        canvas = _paint(canvas, outline & filling, _draw_colour(random, background, first))
    canvas = canvas + random.normal(0, random.uniform(noise / 4, noise), canvas.shape)
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8))


def list_motifs(num_shapes: int, textures: tuple[str, ...]) -> Iterator[Motif]:
    """List all combinations of the first num_shapes shapes and the textures."""
    return (Motif(shape, texture) for shape in list(SHAPES)[:num_shapes] for texture in textures)


def _make_background(
    x: Coordinates, y: Coordinates, colour: Levels, random: np.random.Generator
) -> Levels:
    """Draw a brightness gradient and a faint sine wave over one colour."""
    light = random.normal(0, 25) * x + random.normal(0, 25) * y
    wave = np.array(random.normal(0, 12, 2))
    light = light + random.uniform(0, 15) * np.sin(wave[0] * x + wave[1] * y)
    return np.asarray(colour + light[..., None])


def _draw_clutter(x: Coordinates, y: Coordinates, random: np.random.Generator) -> Mask:
    """Draw a bar or a small disc at a random position."""
    x, y = _move(x, y, random.uniform(-1, 1, 2), random.uniform(0, math.pi))
    if random.random() < 0.5:  # noqa: PLR2004 - bars and discs are equally likely
        length, breadth = random.uniform(0.1, 0.8), random.uniform(0.02, 0.04)
        return np.asarray((abs(x) < length) & (abs(y) < breadth))
    return np.asarray(np.hypot(x, y) < random.uniform(0.03, 0.15))


def _draw_colour(random: np.random.Generator, *others: Levels) -> Levels:
    while True:
        colour = random.uniform(0, 255, 3)
        if all(abs(colour - other).mean() >= _MIN_CONTRAST for other in others):
            return colour


def _move(
    x: Coordinates, y: Coordinates, centre: NDArray[np.float64], angle: float
) -> tuple[Coordinates, Coordinates]:
    x, y = x - centre[0], y - centre[1]
    return x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)


def _paint(canvas: Levels, mask: Mask, colour: Levels) -> Levels:
    return np.where(mask[..., None], colour, canvas)
