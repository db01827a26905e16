"""Training curves as PNG images."""

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from app.history.curves import Curve

COLORS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#7a6a00", "#5a5f66")
"""A palette that colour-blind readers can distinguish (after Okabe & Ito, 2008).

The dashboard uses the same on a light background (`web/src/ui/tokens.css`).
"""


_START_LABEL = "solved head, before the first epoch"


def draw_history(curves: Sequence[Curve]) -> bytes:
    """Return `plot_history` as a PNG."""
    return write_png(plot_history(curves))


def plot_history(curves: Sequence[Curve]) -> Figure:
    """Plot validation accuracy and loss, training dashed, several jobs in one figure.

    The x axis shows epochs. If every job uses `lbfgs`, it shows L2 strengths on a log scale; beside
    jobs with epochs, an `lbfgs` job is a horizontal line at the values of its chosen strength.
    """
    figure = Figure(figsize=(10, 4.6), dpi=110, layout="constrained")
    accuracy, loss = figure.subplots(1, 2)
    shows_strengths = bool(curves) and all(curve.l2_strengths for curve in curves)
    for index, curve in enumerate(curves):
        color = COLORS[index % len(COLORS)]
        if shows_strengths:
            _draw_strengths(accuracy, loss, curve, color)
        elif curve.l2_strengths:
            _draw_horizontal(accuracy, loss, curve, color)
        else:
            _draw_epochs(accuracy, loss, curve, color)
    xlabel = "L2 strength (log scale)" if shows_strengths else "epoch"
    accuracy.set(title="Validation accuracy (training dashed)", xlabel=xlabel, ylim=(0, 1.08))
    loss.set(title="Validation loss (training dashed)", xlabel=xlabel)
    loss.set_ylim(bottom=0)
    for axes in (accuracy, loss):
        if shows_strengths:
            _style_strength_axes(axes, curves)
        else:
            style_epoch_axes(axes)
    if not any(curve.rows for curve in curves):
        accuracy.text(0.5, 0.5, "no epoch yet", ha="center", transform=accuracy.transAxes)
    figure.legend(
        *accuracy.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=1 if shows_strengths else 2,
        frameon=False,
    )
    return figure


def style_epoch_axes(axes: Axes) -> None:
    """Show whole epochs and a faint grid, without a frame."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _style(axes)


def write_png(figure: Figure) -> bytes:
    """Return the figure as a PNG."""
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


def _draw_epochs(accuracy: Axes, loss: Axes, curve: Curve, color: str) -> None:
    epochs = [float(row.epoch) for row in curve.rows]
    _draw_lines(accuracy, loss, curve, epochs, color, label=curve.label)
    start, best = curve.start, curve.best_row
    if start is not None:
        is_named = _START_LABEL in accuracy.get_legend_handles_labels()[1]
        label = None if is_named else _START_LABEL
        for axes, value in ((accuracy, start.val_accuracy), (loss, start.val_loss)):
            axes.plot(0, value, "o", color=color, markersize=7, fillstyle="none", label=label)
    if best is not None:
        accuracy.plot(best.epoch, best.val_accuracy, "o", color=color, markersize=7)
        _annotate(accuracy, best.epoch, best.val_accuracy, color)
    elif start is not None:
        _annotate(accuracy, 0, start.val_accuracy, color)


def _draw_strengths(accuracy: Axes, loss: Axes, curve: Curve, color: str) -> None:
    """Draw each row at its L2 strength; the chosen one is marked with how it was chosen."""
    strengths = [curve.l2_strengths[row.epoch - 1] for row in curve.rows]
    best, chosen = curve.best_row, curve.chosen_strength
    label = curve.label
    if chosen is not None and len(curve.l2_strengths) > 1:
        label += (
            f"; chosen: L2 strength {chosen:g}, "
            "the lowest cross-validated loss on the training images"
        )
    _draw_lines(accuracy, loss, curve, strengths, color, label=label)
    if best is None or chosen is None:
        return
    for axes, value in ((accuracy, best.val_accuracy), (loss, best.val_loss)):
        axes.axvline(chosen, color=color, linewidth=1, linestyle=":")
        axes.plot(chosen, value, "o", color=color, markersize=7)
    _annotate(accuracy, chosen, best.val_accuracy, color)


def _draw_horizontal(accuracy: Axes, loss: Axes, curve: Curve, color: str) -> None:
    best = curve.best_row
    if best is None:
        return
    label = f"{curve.label}, solved head (L2 strength {curve.chosen_strength:g})"
    accuracy.axhline(best.val_accuracy, color=color, linestyle="-.", linewidth=2, label=label)
    loss.axhline(best.val_loss, color=color, linestyle="-.", linewidth=2)


def _draw_lines(  # noqa: PLR0913 -- both axes, and the data to draw
    accuracy: Axes, loss: Axes, curve: Curve, places: list[float], color: str, *, label: str
) -> None:
    marker = "." if len(places) < 40 else ""  # noqa: PLR2004 - beyond that dots run together
    for axes, metric in ((accuracy, "accuracy"), (loss, "loss")):
        train = [getattr(row, f"train_{metric}") for row in curve.rows]
        val = [getattr(row, f"val_{metric}") for row in curve.rows]
        axes.plot(places, train, color=color, linestyle="--", linewidth=1, alpha=0.45)
        axes.plot(places, val, color=color, linewidth=2, marker=marker, label=label)


def _annotate(axes: Axes, place: float, value: float, color: str) -> None:
    axes.annotate(
        f"{value:.3f}",
        (place, value),
        textcoords="offset points",
        xytext=(0, 8),
        ha="center",
        color=color,
        fontsize=9,
    )


def _style_strength_axes(axes: Axes, curves: Sequence[Curve]) -> None:
    axes.set_xscale("log")
    strengths = sorted({strength for curve in curves for strength in curve.l2_strengths})
    if len(strengths) <= 10:  # noqa: PLR2004 -- more labels would overlap
        axes.xaxis.set_major_locator(FixedLocator(strengths))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda strength, _: f"{strength:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    _style(axes)


def _style(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
