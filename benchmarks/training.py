"""Compare Graft's training with the tutorials, fastai, Lightning, timm and Hugging Face's Trainer.

    python -m benchmarks.training --seeds 3 --out training.json

Every system trains the same network from the same weights on the same files. Each run is a new
process, and all systems run once per seed before the next seed. The program prints the tables and
the targets, and stores every run in --out. A second call with the same file continues where the
first one stopped.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from benchmarks.datasets import SOURCES, prepare
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.processes import OmpPolicy
from benchmarks.summary import check_targets, write_table
from benchmarks.systems import PEERS, Record, System, read_jobs, run_system

_DEFAULT_PEERS = [
    name for name in dict.fromkeys(peer.name for peer in PEERS) if "steplr" not in name
]


@dataclass(frozen=True)
class Options:
    """The options of a call, which runs all systems over all datasets, policies and seeds."""

    datasets: list[str]
    systems: list[System]
    seeds: int
    policies: list[OmpPolicy]
    archives: Path
    weights_dir: Path
    work_dir: Path
    out: Path


def run_all(options: Options) -> list[Record]:
    """Run what --out does not contain yet, and write each record before the next run."""
    records = read_records(options.out)
    done = {record.key for record in records if record.error is None}
    records = [record for record in records if record.error is None]
    for name, omp in product(options.datasets, options.policies):
        dataset = prepare(name, options.work_dir, options.archives)
        for seed, system in product(range(options.seeds), options.systems):
            if (system.name, system.driven, system.learns, dataset.name, seed, omp) in done:
                continue
            record = run_system(system, dataset, options.weights_dir, seed=seed, omp=omp)
            records.append(record)
            _report(record)
            write_records(options.out, records)
    return records


def read_records(path: Path) -> list[Record]:
    """Read the runs of earlier calls; return an empty list if there is no file."""
    if not path.exists():
        return []
    return [Record.from_json(fields) for fields in json.loads(path.read_text())["runs"]]


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write the runs with the machine and the time."""
    content = {
        "machine": describe_machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": [record.to_json() for record in records],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _report(record: Record) -> None:
    outcome = record.error or (
        f"{record.total_seconds:.1f} s, best {max(row.val_accuracy for row in record.rows):.3f}"
    )
    print(*record.key, outcome, file=sys.stderr, flush=True)


def _parse() -> Options:
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=list(SOURCES), default=["ants-and-bees"])
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument(
        "--peers", nargs="*", default=_DEFAULT_PEERS, help="names of the peers to run"
    )
    parser.add_argument("--strategies", nargs="+", default=["feature_extract", "fine_tune"])
    parser.add_argument("--jobs", type=Path, help="JSON file with Graft's jobs")
    parser.add_argument(
        "--omp",
        nargs="+",
        choices=["default", "passive"],
        default=["passive"],
        help="OpenMP wait policies",
    )
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/training.json"))
    given = parser.parse_args()
    known = {peer.name for peer in PEERS}
    if unknown := set(given.peers) - known:
        parser.error(f"unknown peers {sorted(unknown)}; choose from {sorted(known)}")
    systems = [peer for peer in PEERS if peer.name in given.peers] + read_jobs(given.jobs)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    return Options(
        datasets=given.data,
        systems=[system for system in systems if system.learns in given.strategies],
        seeds=given.seeds,
        policies=given.omp,
        archives=given.archives.absolute(),
        weights_dir=given.weights_dir.absolute(),
        work_dir=given.work_dir.absolute(),
        out=given.out,
    )


def main() -> None:
    """Run the comparison, then print the machine, the tables and the targets."""
    records = run_all(_parse())
    print(f"{describe_machine()}\n\n{write_table(records)}\n")
    for check in check_targets(records):
        print(check)


if __name__ == "__main__":
    main()
