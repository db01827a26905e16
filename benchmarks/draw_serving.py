"""Draw the results of `benchmarks.serving`: each system's requests per second and the ceiling.

python -m benchmarks.draw_serving serving.json --out docs/images/serving.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.serving.ceiling import Ceiling
from benchmarks.serving.records import Results, read_results
from benchmarks.serving.summary import TARGET_CONNECTIONS, Summary, summarize

_COLOURS = {"stock": "#7f7f7f", "given": "#1f77b4", "tuned": "#aec7e8", "Graft": "#d62728"}
_LEGEND = {
    "stock": "as documented",
    "given": "with a converted model",
    "tuned": "with a converted model and one thread per process",
    "Graft": "Graft",
}


def draw(results: Results) -> Figure:
    """Draw a panel per network: a bar per system, a whisker from slowest to fastest repeat."""
    summaries = [
        one for one in summarize(results.records) if one.first.connections == TARGET_CONNECTIONS
    ]
    networks = [
        name for name in results.ceilings if any(_network(one) == name for one in summaries)
    ]
    if not networks:
        raise SystemExit(
            f"The results have no load of {TARGET_CONNECTIONS} connections; measure one with "
            f"`python -m benchmarks.serving --connections {TARGET_CONNECTIONS}`."
        )
    figure = Figure(figsize=(6.5 * len(networks), 4.4), layout="constrained")
    for axis, network in zip(
        figure.subplots(1, len(networks), squeeze=False)[0], networks, strict=True
    ):
        _draw_panel(
            axis, [one for one in summaries if _network(one) == network], results.ceilings[network]
        )
        axis.set_title(network)
    figure.suptitle(f"{TARGET_CONNECTIONS} connections — {results.machine}", fontsize="small")
    return figure


def _draw_panel(axis: Axes, summaries: Sequence[Summary], ceiling: Ceiling) -> None:
    labelled: set[str] = set()
    for position, one in enumerate(reversed(summaries)):
        kind = one.first.kind
        whisker = [[one.rate - min(one.rates)], [max(one.rates) - one.rate]]
        label = None if kind in labelled else _LEGEND[kind]
        labelled.add(kind)
        axis.barh(position, one.rate, xerr=whisker, color=_COLOURS[kind], label=label)
        axis.text(max(one.rates), position, f"  {one.rate:.0f}", va="center", fontsize="small")
    axis.set_yticks(range(len(summaries)), [one.first.system for one in reversed(summaries)])
    limit = ceiling.requests_per_second
    axis.axvline(limit, color="black", linestyle="--", label=f"ceiling of the cores, {limit:.0f}")
    axis.set_xlim(0, 1.12 * max(limit, *(max(one.rates) for one in summaries)))
    axis.set_xlabel("requests per second")
    axis.grid(visible=True, axis="x", alpha=0.2)
    axis.legend(fontsize="x-small", loc="upper right")


def _network(summary: Summary) -> str:
    return summary.first.network


def main() -> None:
    """Write the chart."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images/serving.png"))
    options = parser.parse_args()
    draw(read_results(options.runs)).savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
