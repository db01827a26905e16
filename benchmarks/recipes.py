"""Variations of a recipe over several data sets and seeds: what `recommended` is chosen by.

    python -m benchmarks.recipes benchmarks/variations.json --seeds 3 --out recipes.json

The file maps names to fields of POST /jobs; the training process runs them without the service.
Prints, for each data set, the mean accuracies with their standard error over draws and seeds, and
the mean over data sets. Started again with the same --out, it goes on where it ended.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby, product
from pathlib import Path
from typing import Any

from benchmarks.datasets import SOURCES, prepare
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.systems import Record, System, run_system
from benchmarks.training import read_records, write_records


def list_systems(variations: Mapping[str, Mapping[str, Any]]) -> list[System]:
    """A system for each variation, driven as the training process alone."""
    return [
        System(name, "child", str(fields["strategy"]), fields=fields)
        for name, fields in variations.items()
    ]


def write_table(records: Sequence[Record]) -> str:
    """Best and last accuracy and seconds of each variation on each set, and over the sets."""
    lines = [
        "| data set | variation | runs | best | last | seconds |",
        "|---|---|---:|---:|---:|---:|",
    ]
    runs = [record for record in records if record.error is None]
    for (dataset, name), group in _grouped(runs, lambda one: (_name_set(one), one.system)):
        lines.append(_write_row(dataset, name, group))
    for (name,), group in _grouped(runs, lambda one: (one.system,)):
        num_sets = len({_name_set(record) for record in group})
        lines.append(_write_row(f"all {num_sets}", name, group))
    lines += [f"\n{one.key}: {one.error}" for one in records if one.error is not None]
    return "\n".join(lines)


def _write_row(dataset: str, name: str, records: Sequence[Record]) -> str:
    best = _mean_over_sets(records, lambda one: max(row.val_accuracy for row in one.rows))
    last = _mean_over_sets(records, lambda one: one.rows[-1].val_accuracy)
    seconds = statistics.median(one.rows[-1].elapsed - one.import_seconds for one in records)
    return f"| {dataset} | {name} | {len(records)} | {best} | {last} | {seconds:.1f} |"


def _mean_over_sets(records: Sequence[Record], measure: Any) -> str:
    """The mean of the sets' means with its standard error, from the spread within each set.

    The sets are fixed, so the spread between them is no error; two runs a set are needed for one.
    """
    by_set = [
        [float(measure(record)) for record in group]
        for _, group in _grouped(records, lambda one: (_name_set(one),))
    ]
    mean = statistics.mean(statistics.mean(values) for values in by_set)
    if any(len(values) == 1 for values in by_set):
        return f"{mean:.3f}"
    variance = sum(statistics.variance(values) / len(values) for values in by_set)
    return f"{mean:.3f} ± {math.sqrt(variance) / len(by_set):.3f}"


def _grouped(records: Sequence[Record], by: Any) -> list[tuple[Any, list[Record]]]:
    return [(key, list(group)) for key, group in groupby(sorted(records, key=by), key=by)]


def _name_set(record: Record) -> str:
    """The set's name without its draw: draws of one set are runs on it."""
    name, _, draw = record.dataset.rpartition("-")
    return name if draw.isdigit() else record.dataset


def _parse() -> argparse.Namespace:
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("variations", type=Path, help="JSON: {name: fields of POST /jobs}")
    parser.add_argument("--data", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--photographs", type=Path, default=shared / "data/hymenoptera_data.zip")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/recipes.json"))
    return parser.parse_args()


def main() -> None:
    """Run every variation on every set; a seed is a draw of the set, too."""
    options = _parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    records = [record for record in read_records(options.out) if record.error is None]
    done = {record.key for record in records}
    systems = list_systems(json.loads(options.variations.read_text()))
    for name, seed in product(options.data, range(options.seeds)):
        # There is one set of all photographs: for it a seed is that of the training alone.
        draw = 0 if name == "ants-and-bees" else seed
        dataset = prepare(
            name, options.work_dir.absolute(), options.photographs.absolute(), draw=draw
        )
        for system in systems:
            begun = Record(system.name, "child", system.learns, dataset.name, seed, "passive")
            if begun.key in done:
                continue
            record = run_system(
                system, dataset, options.weights_dir.absolute(), seed=seed, omp="passive"
            )
            records.append(record)
            print(*record.key, record.error or "", file=sys.stderr, flush=True)
            write_records(options.out, records)
    print(f"{describe_machine()}\n\n{write_table(records)}")


if __name__ == "__main__":
    main()
