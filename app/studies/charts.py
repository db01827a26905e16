"""Draw the curves of a study in one chart."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from textwrap import shorten
from typing import TYPE_CHECKING

from app.history.charts import COLORS, style_epoch_axes, write_png
from app.studies.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

LINE_STYLES = ("-", "--", ":")

_BAND_OPACITY = 0.15
_MAX_LEGEND_COLUMNS = 3
_LABEL_WIDTH = 48
_MARKED_EPOCHS = 40


def draw_study(curves: Sequence[Curve]) -> bytes:
    """Draw mean validation accuracy by epoch, with a band from the lowest to the highest run.

    A configuration with `lbfgs` has no epochs, so it is a horizontal line. Returns a PNG.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and not always needed

    figure = Figure(figsize=(10, 5.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1.02))
    axes.set_title("Validation accuracy: mean over seeds, band from lowest to highest")
    for index, curve in enumerate(curves):
        color = COLORS[index % len(COLORS)]
        style = LINE_STYLES[index // len(COLORS) % len(LINE_STYLES)]
        if curve.runs:
            label = f"{index + 1}. {shorten(curve.label, _LABEL_WIDTH, placeholder='…')}"
            _draw(axes, curve, label, color, style)
    style_epoch_axes(axes)
    if not any(curve.runs for curve in curves):
        axes.text(0.5, 0.5, "no epoch yet", ha="center", transform=axes.transAxes)
    else:
        add_legend(figure)
    return write_png(figure)


def add_legend(figure: "Figure") -> "Legend":
    """Add a legend below the chart, with as many columns as fit."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import, and not always needed

    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call] # matplotlib
    for columns in range(_MAX_LEGEND_COLUMNS, 0, -1):
        legend = figure.legend(loc="outside lower center", ncols=columns, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a $ in a name is not mathematics
        if columns == 1 or legend.get_window_extent(renderer).width <= figure.bbox.width:
            break
        legend.remove()
    return legend


def _draw(axes: "Axes", curve: Curve, label: str, color: str, style: str) -> None:
    if curve.best is not None:
        label = f"{label} ({curve.best:.3f})"
        if any(run[0].learning_rate is None for run in curve.runs):
            axes.axhline(
                curve.best, color=color, linestyle="-.", linewidth=2, label=f"{label}, solved"
            )
            return
    accuracies = defaultdict(list)
    for run in curve.runs:
        for row in run:
            accuracies[row.epoch].append(row.val_accuracy)
    epochs = sorted(accuracies)
    axes.plot(
        epochs,
        [fmean(accuracies[epoch]) for epoch in epochs],
        color=color,
        linestyle=style,
        linewidth=2,
        marker="." if len(epochs) < _MARKED_EPOCHS else "",
        label=label,
    )
    axes.fill_between(
        epochs,
        [min(accuracies[epoch]) for epoch in epochs],
        [max(accuracies[epoch]) for epoch in epochs],
        color=color,
        alpha=_BAND_OPACITY,
        linewidth=0,
    )
