"""Draw image grids of a dataset."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.datasets.thumbnails import make_thumbnail
from app.errors import UnsupportedImage
from app.ml.images.formats import MEDIA_TYPES, SNIFF_BYTES, identify

_TILE_PIXELS = 224


@dataclass(frozen=True)
class Tile:
    """An image file and the title above it in a grid."""

    path: Path
    title: str


def content_type_of(path: Path) -> str:
    """Return the media type of an image file, by its content.

    Datasets of earlier versions may hold formats that are not read any more.
    """
    with path.open("rb") as file:
        start = file.read(SNIFF_BYTES)
    try:
        return MEDIA_TYPES[identify(start)]
    except UnsupportedImage:
        return "application/octet-stream"


def draw_preview(tiles: Sequence[Tile], *, title: str) -> bytes:
    """Draw 1 to 64 images with titles in a nearly square grid, as PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and not always needed

    num_columns = math.ceil(math.sqrt(len(tiles)))
    num_rows = math.ceil(len(tiles) / num_columns)
    figure = Figure(figsize=(1.7 * num_columns, 1.9 * num_rows + 0.5), layout="constrained")
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, tile in zip(grid.flat, tiles, strict=False):
        axes.imshow(make_thumbnail(tile.path, size=_TILE_PIXELS))
        axes.set_title(_shorten(tile.title), fontsize=9, parse_math=False)
    figure.suptitle(title, parse_math=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _shorten(title: str) -> str:
    return title if len(title) <= 24 else title[:23] + "…"  # noqa: PLR2004 - what fits above a tile
