"""Charts of histories: epochs, and the L2 strengths of solved heads."""

import pytest
from matplotlib.axes import Axes

from app.history.charts import draw_history, plot_history
from app.history.curves import Curve
from app.history.schemas import EpochRow
from app.jobs.schemas import Best

STRENGTHS = (1.0, 0.1, 0.01)


def make_rows(accuracies: list[float], best: int | None) -> list[EpochRow]:
    return [
        EpochRow(
            epoch=number,
            train_loss=0.5,
            train_accuracy=0.9,
            val_loss=1.0 - accuracy,
            val_accuracy=accuracy,
            val_balanced_accuracy=None,
            learning_rate=0.1,
            seconds=1.0,
            images_per_second=1.0,
            is_best=number == best,
        )
        for number, accuracy in enumerate(accuracies, 1)
    ]


def accuracy_axes(*curves: Curve) -> Axes:
    return plot_history(curves).axes[0]


def markers(axes: Axes) -> list[tuple[float, float]]:
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))  # type: ignore[index, arg-type]
        for line in axes.lines
        if line.get_marker() == "o"
    ]


def test_a_solved_head_is_drawn_by_l2_strength() -> None:
    axes = accuracy_axes(Curve("solved", make_rows([0.7, 0.8, 0.9], best=2), STRENGTHS))
    assert axes.get_xscale() == "log"
    assert "L2 strength" in axes.get_xlabel()
    drawn = next(line for line in axes.lines if line.get_linewidth() == 2)
    assert list(drawn.get_xdata()) == list(STRENGTHS)  # type: ignore[arg-type]
    assert markers(axes) == [(0.1, 0.8)], "the chosen strength, not the most accurate one"
    (label,) = axes.get_legend_handles_labels()[1]
    assert "L2 strength 0.1" in label
    assert "cross-validated loss" in label


def test_epochs_are_drawn_by_number() -> None:
    axes = accuracy_axes(Curve("stepped", make_rows([0.7, 0.9], best=2)))
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel() == "epoch"
    assert markers(axes) == [(2, 0.9)]


def test_beside_epochs_a_solved_head_is_a_level_line() -> None:
    axes = accuracy_axes(
        Curve("stepped", make_rows([0.7, 0.9], best=2)),
        Curve("solved", make_rows([0.7, 0.8, 0.9], best=2), STRENGTHS),
    )
    assert axes.get_xlabel() == "epoch"
    (level,) = (line for line in axes.lines if line.get_linestyle() == "-.")
    assert set(level.get_ydata()) == {0.8}  # type: ignore[arg-type]
    assert "L2 strength 0.1" in str(level.get_label())


def test_a_solved_head_that_no_epoch_beats_is_marked_at_epoch_zero() -> None:
    start = Best(epoch=0, val_accuracy=0.95, val_balanced_accuracy=None, val_loss=0.1)
    axes = accuracy_axes(Curve("stepped", make_rows([0.7, 0.9], best=None), start=start))
    assert markers(axes) == [(0, 0.95)]
    assert [text.get_text() for text in axes.texts] == ["0.950"]


@pytest.mark.parametrize(
    "curve",
    [
        Curve("begun", [], STRENGTHS),
        Curve("begun", []),
        Curve("one strength", make_rows([0.7], best=1), (0.1,)),
        Curve("many", make_rows([0.7] * 50, best=1), tuple(0.9**n for n in range(50))),
    ],
    ids=lambda curve: f"{curve.label} {len(curve.rows)}",
)
def test_every_history_becomes_a_png(curve: Curve) -> None:
    assert draw_history([curve]).startswith(b"\x89PNG")
