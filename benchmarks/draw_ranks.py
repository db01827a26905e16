"""Draw the critical-difference diagram of `benchmarks.accuracy`.

python -m benchmarks.draw_ranks build/bench/accuracy.json --out docs/images
"""

import argparse
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.ranks import Ranks, rank_systems
from benchmarks.training import read_records

_TITLES = {"feature_extract": "Only the head is trained", "fine_tune": "All layers are trained"}
_OWN = "Graft"


def main() -> None:
    """Write critical-difference.png."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("records", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    records = [record for record in read_records(options.records) if record.error is None]
    panels = {
        title: ranks
        for learns, title in _TITLES.items()
        if (ranks := rank_systems(one for one in records if one.learns == learns))
        and ranks.num_blocks > 1
    }
    draw(panels).savefig(options.out / "critical-difference.png", dpi=150)


def draw(panels: dict[str, Ranks]) -> Figure:
    """Draw one axis of mean ranks per panel, the best on the left, with the critical difference."""
    figure = Figure(figsize=(8, 1.9 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (title, ranks) in zip(axes, panels.items(), strict=True):
        _draw_panel(axis, ranks)
        axis.set_title(
            f"{title}: mean rank over {ranks.num_blocks} pairs of dataset and network",
            fontsize="small",
            loc="left",
        )
    return figure


def _draw_panel(axis: Axes, ranks: Ranks) -> None:
    """Draw a dot per system; bars join systems that do not differ significantly."""
    names, means = list(ranks.means), list(ranks.means.values())
    axis.set_xlim(0.8, len(names) + 0.2)
    axis.set_ylim(-0.4 * len(names), 1.4)
    axis.set_yticks([])
    axis.set_xticks(range(1, len(names) + 1))
    axis.xaxis.tick_top()
    axis.spines[["left", "right", "bottom"]].set_visible(False)
    for number, (name, mean) in enumerate(reversed(list(ranks.means.items()))):
        height = -0.4 * number  # the best is lowest, so that no line crosses a name
        color = "#d62728" if name == _OWN else "#333333"
        axis.plot([mean, mean], [1.4, height], color=color, linewidth=1)
        axis.text(mean + 0.04, height, f"{name} {mean:.2f}", color=color, fontsize="small")
    height = 1.15
    for first, mean in enumerate(means):
        joined = [one for one in means[first:] if one - mean <= ranks.critical_difference]
        is_part_of_the_last = first > 0 and joined[-1] - means[first - 1] <= (
            ranks.critical_difference
        )
        if len(joined) > 1 and not is_part_of_the_last:
            axis.plot(
                [mean - 0.02, joined[-1] + 0.02], [height, height], color="#1f77b4", linewidth=4
            )
            height -= 0.25


if __name__ == "__main__":
    main()
