"""Draw a confusion matrix as a PNG."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.ml.trust.figures import SplitFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMED = 50
"""Largest number of classes with labelled cells; for more, the chart lists frequent confusions."""

_MAX_CELLS = 250
_NUM_LISTED = 20
_MAX_NAME = 24

Matrix = NDArray[np.int64]


def draw_confusion_matrix(
    figures: SplitFigures, class_names: Sequence[str], *, title: str
) -> bytes:
    """Draw true classes as rows and predicted classes as columns, coloured by share of the row.

    With many classes, neighbouring classes share a cell and the most frequent confusions are
    listed beside the matrix. Returns a PNG.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and not always needed

    matrix = np.array(figures.confusion_matrix, dtype=np.int64)
    num_classes = len(class_names)
    is_named = num_classes <= MAX_NAMED
    side = min(max(0.42 * num_classes, 3.6), 12.0) if is_named else 7.0
    figure = Figure(
        figsize=(side + (2.4 if is_named else 6.0), side + 1.6), dpi=110, layout="constrained"
    )
    if is_named:
        _draw_cells(figure.subplots(), matrix, class_names)
    else:
        cells, bars = figure.subplots(1, 2, width_ratios=(7, 3))
        _draw_blocks(cells, matrix)
        _draw_confusions(bars, matrix, class_names)
    low, high = figures.accuracy_interval
    figure.suptitle(
        f"{title}\naccuracy {figures.accuracy:.3f} (95 %: {low:.3f} to {high:.3f}), "
        f"{figures.num_images} images",
        fontsize=11,
        parse_math=False,
    )
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


def list_confusions(matrix: Matrix, limit: int) -> list[tuple[int, int, int]]:
    """Return (true class, predicted class, images) of the most frequent mistakes, in order."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    rows, columns = np.unravel_index(order, wrong.shape)
    return [
        (int(row), int(column), int(wrong[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column]
    ]


def _draw_cells(axes: "Axes", matrix: Matrix, class_names: Sequence[str]) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_shorten(name) for name in class_names]
    size = 9 if len(names) <= 20 else 7  # noqa: PLR2004 - legible at this width
    positions = range(len(names))
    axes.set_xticks(positions, names, rotation=90 if len(names) > 3 else 0, fontsize=size)  # noqa: PLR2004 - fits horizontally
    axes.set_yticks(positions, names, fontsize=size)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    axes.set(xlabel="predicted", ylabel="true")
    for row, column in np.argwhere(matrix).tolist():
        is_dark = shares[row, column] > 0.5  # noqa: PLR2004 - half of the colour scale
        axes.text(
            column,
            row,
            str(matrix[row, column]),
            ha="center",
            va="center",
            fontsize=size,
            color="white" if is_dark else "black",
        )


def _draw_blocks(axes: "Axes", matrix: Matrix) -> None:
    num_classes = len(matrix)
    width = -(-num_classes // _MAX_CELLS)
    starts = np.arange(0, num_classes, width)
    blocks = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    # the logarithm makes a single mistake visible beside hundreds of correct predictions
    axes.imshow(np.log1p(blocks), cmap="Blues", extent=(0, num_classes, num_classes, 0))
    axes.set(
        xlabel="predicted class, by its index in class_names",
        ylabel="true class",
        title="images, darker on a logarithmic scale"
        + (f"; {width} classes a cell" if width > 1 else ""),
    )
    axes.title.set_fontsize(9)


def _draw_confusions(axes: "Axes", matrix: Matrix, class_names: Sequence[str]) -> None:
    axes.set_title("most frequent confusions: true → predicted", fontsize=9)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])
    confusions = list_confusions(matrix, _NUM_LISTED)
    names = [
        f"{_shorten(class_names[row])} → {_shorten(class_names[column])}"
        for row, column, _ in confusions
    ]
    bars = axes.barh(range(len(names)), [count for *_, count in confusions], color="#d55e00")
    axes.bar_label(bars, padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set_ylim(_NUM_LISTED - 0.5, -0.5)


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
