"""Compare a new head on frozen layers, fine-tuning and training from scratch in one study.

    python -m benchmarks.comparison --seeds 3 --out docs/images/pretrained-against-scratch.png

Starts the service, uploads the photographs, creates one study and saves its chart.
"""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.graft_service import running_service
from benchmarks.machine import describe_machine, find_shared_dir
from graft_client import Graft

_CONFIGURATIONS = [
    {"name": "a new head on the pretrained network", "strategy": "feature_extract"},
    {"name": "the pretrained network, fine-tuned", "strategy": "fine_tune"},
    {"name": "the same network from scratch", "strategy": "scratch"},
]


def main() -> None:
    """Run the study and print its ranking."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photographs", type=Path, default=shared / "data/hymenoptera_data.zip")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/bench/comparison.png"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(os.environ, Path(folder), options.weights_dir.absolute()) as (url, _),
        Graft(url) as graft,
    ):
        dataset = graft.datasets.upload(options.photographs, name="ants-and-bees").wait()
        study = graft.studies.create(
            dataset,
            base={"architecture": "squeezenet1_0"},
            configurations=_CONFIGURATIONS,
            seeds=options.seeds,
        )
        study.wait()
        study.curves().save(options.out)
    print(f"{describe_machine()}\n")
    print("| configuration | runs | best, mean | 95 % interval | last, mean |")
    print("|---|---:|---:|---|---:|")
    for entry in study.ranking:
        best, last = entry.best_val_accuracy, entry.last_val_accuracy
        if best is None or last is None:
            print(f"| {entry.name} | {len(entry.runs)} | failed | | |")
        else:
            spread = best.interval
            interval = f"{spread.low:.3f}-{spread.high:.3f}" if spread else "unknown"
            print(
                f"| {entry.name} | {len(entry.runs)} | {best.mean:.3f} | {interval} "
                f"| {last.mean:.3f} |"
            )


if __name__ == "__main__":
    main()
