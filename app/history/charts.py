"""Training curves as pictures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.history.schemas import EpochRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart by the colour-blind too (Okabe & Ito, 2008)."""


@dataclass(frozen=True)
class Curve:
    """One job's line in a picture."""

    label: str
    rows: Sequence[EpochRow]


def draw_history(curves: Sequence[Curve]) -> bytes:
    """Validation accuracy and loss by epoch, training dashed; several jobs in one picture. PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and not always needed

    figure = Figure(figsize=(10, 4.2), dpi=110, layout="constrained")
    accuracy, loss = figure.subplots(1, 2)
    for index, curve in enumerate(curves):
        color = COLORS[index % len(COLORS)]
        _draw(accuracy, curve, "accuracy", color)
        _draw(loss, curve, "loss", color)
        best = next((row for row in curve.rows if row.is_best), None)
        if best:
            accuracy.plot(best.epoch, best.val_accuracy, "o", color=color, markersize=7)
            accuracy.annotate(
                f"{best.val_accuracy:.3f}",
                (best.epoch, best.val_accuracy),
                textcoords="offset points",
                xytext=(0, 8),
                ha="center",
                color=color,
                fontsize=9,
            )
    accuracy.set(title="Validation accuracy (training dashed)", xlabel="epoch", ylim=(0, 1.08))
    loss.set(title="Validation loss (training dashed)", xlabel="epoch")
    loss.set_ylim(bottom=0)
    for axes in (accuracy, loss):
        style_epoch_axes(axes)
    if not any(curve.rows for curve in curves):
        accuracy.text(0.5, 0.5, "no epoch yet", ha="center", transform=accuracy.transAxes)
    figure.legend(
        *accuracy.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=min(3, len(curves)),
        frameon=False,
    )
    return write_png(figure)


def style_epoch_axes(axes: "Axes") -> None:
    """Whole epochs, a faint grid, no frame."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - slow to import, and not always needed

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def write_png(figure: "Figure") -> bytes:
    """The figure as a PNG."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _draw(axes: "Axes", curve: Curve, metric: str, color: str) -> None:
    epochs = [row.epoch for row in curve.rows]
    marker = "." if len(epochs) < 40 else ""  # noqa: PLR2004 - beyond that dots run together
    axes.plot(
        epochs,
        [getattr(row, f"train_{metric}") for row in curve.rows],
        color=color,
        linestyle="--",
        linewidth=1,
        alpha=0.45,
    )
    axes.plot(
        epochs,
        [getattr(row, f"val_{metric}") for row in curve.rows],
        color=color,
        linewidth=2,
        marker=marker,
        label=curve.label,
    )
