"""Compare variations of a recipe over datasets and seeds, to choose the `recommended` preset.

    python -m benchmarks.recipes benchmarks/variations.json --seeds 3 --out recipes.json

The file maps names to fields of POST /jobs. The training process runs each without the service.
The program prints the mean accuracies per dataset with their standard error, and the mean over
datasets. A second call with the same --out continues where the first one stopped.
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
    """Make a system per variation that runs the training process without the service."""
    return [
        System(name, "child", str(fields["strategy"]), fields=fields)
        for name, fields in variations.items()
    ]


def write_table(records: Sequence[Record]) -> str:
    """Write a Markdown table of accuracies and seconds, per dataset and over all datasets."""
    lines = [
        "| dataset | variation | runs | best | last | seconds |",
        "|---|---|---:|---:|---:|---:|",
    ]
    runs = [record for record in records if record.error is None]
    for (dataset, name), group in _grouped(runs, lambda one: (_find_base_dataset(one), one.system)):
        lines.append(_write_row(dataset, name, group))
    for (name,), group in _grouped(runs, lambda one: (one.system,)):
        num_datasets = len({_find_base_dataset(record) for record in group})
        lines.append(_write_row(f"all {num_datasets}", name, group))
    lines += [f"\n{one.key}: {one.error}" for one in records if one.error is not None]
    return "\n".join(lines)


def _write_row(dataset: str, name: str, records: Sequence[Record]) -> str:
    best = _mean_over_datasets(records, lambda one: max(row.val_accuracy for row in one.rows))
    last = _mean_over_datasets(records, lambda one: one.rows[-1].val_accuracy)
    seconds = statistics.median(one.rows[-1].elapsed - one.import_seconds for one in records)
    return f"| {dataset} | {name} | {len(records)} | {best} | {last} | {seconds:.1f} |"


def _mean_over_datasets(records: Sequence[Record], measure: Any) -> str:
    """Compute the mean of the datasets' means, with its standard error.

    The error comes from the variance within each dataset, because the choice of datasets is fixed.
    It is left out if a dataset has only one run.
    """
    by_dataset = [
        [float(measure(record)) for record in group]
        for _, group in _grouped(records, lambda one: (_find_base_dataset(one),))
    ]
    mean = statistics.mean(statistics.mean(values) for values in by_dataset)
    if any(len(values) == 1 for values in by_dataset):
        return f"{mean:.3f}"
    variance = sum(statistics.variance(values) / len(values) for values in by_dataset)
    return f"{mean:.3f} ± {math.sqrt(variance) / len(by_dataset):.3f}"


def _grouped(records: Sequence[Record], by: Any) -> list[tuple[Any, list[Record]]]:
    return [(key, list(group)) for key, group in groupby(sorted(records, key=by), key=by)]


def _find_base_dataset(record: Record) -> str:
    """Return the dataset's name without its draw, to group all draws of one dataset."""
    name, _, draw = record.dataset.rpartition("-")
    return name if draw.isdigit() else record.dataset


def _parse() -> argparse.Namespace:
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("variations", type=Path, help="JSON: {name: fields of POST /jobs}")
    parser.add_argument("--data", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/recipes.json"))
    return parser.parse_args()


def main() -> None:
    """Run every variation on every dataset and seed; the seed also generates the dataset."""
    options = _parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    records = [record for record in read_records(options.out) if record.error is None]
    done = {record.key for record in records}
    systems = list_systems(json.loads(options.variations.read_text()))
    for name, seed in product(options.data, range(options.seeds)):
        # The full set of photographs is not generated, so its seed affects only the training.
        draw = 0 if name == "ants-and-bees" else seed
        dataset = prepare(name, options.work_dir.absolute(), options.archives.absolute(), draw=draw)
        for system in systems:
            unfinished = Record(system.name, "child", system.learns, dataset.name, seed, "passive")
            if unfinished.key in done:
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
