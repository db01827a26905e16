"""Draw the results of `benchmarks.training`: validation accuracy over seconds of training.

python -m benchmarks.draw_training training.json --out docs/images
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.summary import Summary, summarize
from benchmarks.systems import Record

_TITLES = {"feature_extract": "Only the head is trained", "fine_tune": "All layers are trained"}
_COLOURS = [
    "#7f7f7f",
    "#1f77b4",
    "#9467bd",
    "#17becf",
    "#8c564b",
    "#bcbd22",
    "#e377c2",
    "#aec7e8",
]
_OWN_COLOURS = ["#d62728", "#ff7f0e", "#2ca02c", "#98df8a"]


def draw(records: Sequence[Record], machine: str) -> Figure:
    """Draw a panel per strategy, a line per run, a dot per epoch; seconds on a log axis.

    records: runs on one dataset under one OpenMP wait policy.
    """
    summaries = summarize(records)
    learned = [learns for learns in _TITLES if any(_learns(one) == learns for one in summaries)]
    figure = Figure(figsize=(6 * len(learned), 4.6), layout="constrained")
    axes = figure.subplots(1, len(learned), squeeze=False, sharey=True)[0]
    for axis, learns in zip(axes, learned, strict=True):
        _draw_panel(axis, [one for one in summaries if _learns(one) == learns])
        axis.set_title(_TITLES[learns])
        axis.set_xlabel("seconds since the start, without imports")
        axis.grid(visible=True, which="both", alpha=0.2)
        axis.legend(fontsize="x-small", loc="lower right")
    axes[0].set_ylabel("validation accuracy")
    figure.suptitle(f"{records[0].dataset} — {machine}", fontsize="small")
    return figure


def _draw_panel(axis: Axes, summaries: Sequence[Summary]) -> None:
    peers, own = iter(_COLOURS * 2), iter(_OWN_COLOURS * 2)
    for one in summaries:
        colour = next(peers if one.records[0].driven == "peer" else own)
        for number, record in enumerate(one.records):
            axis.plot(
                [row.elapsed - record.import_seconds for row in record.rows],
                [row.val_accuracy for row in record.rows],
                color=colour,
                linewidth=1,
                marker="o",
                markersize=7 if len(record.rows) == 1 else 2.5,
                label=one.name if number == 0 else None,
            )
    axis.set_xscale("log")


def _learns(summary: Summary) -> str:
    return summary.records[0].learns


def main() -> None:
    """Write `training-<dataset>.png` for each dataset in the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--omp", choices=["default", "passive"], default="passive")
    options = parser.parse_args()
    content = json.loads(options.runs.read_text())
    records = [Record.from_json(fields) for fields in content["runs"]]
    options.out.mkdir(parents=True, exist_ok=True)
    for dataset in sorted({record.dataset for record in records}):
        shown = [one for one in records if (one.dataset, one.omp) == (dataset, options.omp)]
        if any(one.error is None for one in shown):
            draw(shown, content["machine"]).savefig(
                options.out / f"training-{dataset}.png", dpi=110
            )


if __name__ == "__main__":
    main()
