"""The legend of a study's chart."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.studies.charts import add_legend


@pytest.mark.parametrize(
    ("label", "num_curves", "num_columns"),
    [("a", 4, 3), ("the same network from scratch, very slowly (0.704)", 3, 2), ("W" * 64, 3, 1)],
)
def test_a_legend_stays_inside_the_chart(label: str, num_curves: int, num_columns: int) -> None:
    figure = Figure(figsize=(10, 5.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    for _ in range(num_curves):
        axes.plot([1, 2], [0, 1], label=label)
    legend = add_legend(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call] # matplotlib
    extent = legend.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.width
    columns = {round(text.get_window_extent().x0) for text in legend.get_texts()}
    assert len(columns) == num_columns
