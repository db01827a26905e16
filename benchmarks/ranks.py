"""Rank systems over several datasets.

Source: Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", Journal of Machine
Learning Research 7 (2006).
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scipy.stats import rankdata, studentized_range

from benchmarks.datasets import HELD_OUT
from benchmarks.systems import Record

ONE_EPOCH = ", one epoch"
"""The end of a system's name in runs that only measure the seconds of an epoch."""


@dataclass(frozen=True)
class Ranks:
    """Mean ranks of systems, 1 the best, over num_blocks pairs of a dataset and a network.

    Two systems differ if their mean ranks are further apart than critical_difference (Nemenyi's
    test at a level of 5 %).
    """

    means: Mapping[str, float]
    num_blocks: int
    critical_difference: float


def rank_systems(records: Iterable[Record]) -> Ranks | None:
    """Rank by the mean accuracy over seeds; None without a dataset that all systems ran on.

    Held-out datasets are no part of the ranks.
    """
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if not record.system.endswith(ONE_EPOCH) and record.dataset not in HELD_OUT:
            name, _, network = record.system.partition(", ")
            found[record.dataset, network][name].append(best_accuracy(record))
    systems = sorted({name for by_name in found.values() for name in by_name})
    blocks = [
        rankdata([-statistics.mean(by_name[name]) for name in systems])
        for by_name in found.values()
        if set(by_name) == set(systems)
    ]
    if not blocks:
        return None
    means = {
        name: float(statistics.mean(block[at] for block in blocks))
        for at, name in enumerate(systems)
    }
    ordered = dict(sorted(means.items(), key=lambda pair: pair[1]))
    return Ranks(ordered, len(blocks), critical_difference(len(systems), len(blocks)))


def write_ranks(ranks: Ranks | None) -> str:
    """Write the mean ranks in a sentence, the best first."""
    if ranks is None:
        return "No dataset has runs of all systems."
    listed = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.means.items())
    return (
        f"Mean ranks on {ranks.num_blocks} pairs of dataset and network: {listed}; "
        f"critical difference {ranks.critical_difference:.2f}."
    )


def critical_difference(num_systems: int, num_blocks: int, alpha: float = 0.05) -> float:
    """Return Nemenyi's critical difference of mean ranks at this level of significance."""
    quantile = studentized_range.ppf(1 - alpha, num_systems, float("inf")) / 2**0.5
    return float(quantile * (num_systems * (num_systems + 1) / (6 * num_blocks)) ** 0.5)


def best_accuracy(record: Record) -> float:
    """Return the accuracy of the model that the system would keep: its best epoch."""
    start = record.settings.get("start_accuracy")
    return max(*(row.val_accuracy for row in record.rows), start or 0.0)
