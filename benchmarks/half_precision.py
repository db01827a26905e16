"""Compare heads on frozen layers that computed in float32 and in bfloat16.

    make bench-half-precision
    make bench-half-precision BENCH_FLAGS="--data some satellite"

Each run is Graft's training of a head in a process of its own. Needs a processor with bfloat16.
"""

import argparse
from pathlib import Path

from benchmarks.accuracy import NETWORKS
from benchmarks.datasets import SOURCES, Dataset, prepare
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.ranks import best_accuracy
from benchmarks.systems import Record, System, run_system

PRECISIONS = ("fp32", "bf16")


def main() -> None:
    """Print a row per dataset and network."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=list(SOURCES), default=["ants-and-bees"])
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    print(f"{describe_machine()}\n")
    print("| dataset | network | fp32 | bf16 | seconds, fp32 ÷ bf16 |")
    print("|---|---|---:|---:|---:|")
    for name in options.data:
        dataset = prepare(name, options.work_dir.absolute(), options.archives.absolute())
        for network in options.networks:
            single, half = (
                _run(network, precision, dataset, options.weights_dir.absolute())
                for precision in PRECISIONS
            )
            ratio = _count_seconds(single) / _count_seconds(half)
            accuracies = f"{best_accuracy(single):.3f} | {best_accuracy(half):.3f}"
            print(f"| {name} | {network} | {accuracies} | {ratio:.2f} |", flush=True)


def _run(network: str, precision: str, dataset: Dataset, weights_dir: Path) -> Record:
    strategy = "feature_extract"
    system = System(
        f"Graft, {network}, {precision}",
        "child",
        strategy,
        architecture=NETWORKS[network],
        fields={"strategy": strategy, "precision": precision},
    )
    record = run_system(system, dataset, weights_dir, seed=0, omp="passive")
    if record.error is not None:
        raise RuntimeError(record.error)
    return record


def _count_seconds(record: Record) -> float:
    return record.total_seconds - record.import_seconds


if __name__ == "__main__":
    main()
