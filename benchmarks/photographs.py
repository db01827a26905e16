"""The tutorials' presets and the recommended one on the tutorials' photographs, beside their loop.

    python -m benchmarks.photographs --data hymenoptera_data.zip --weights-dir DIR

Runs the plain loop and the service's jobs in turn on this machine, prints the table that stands in
`docs/results.md` and draws the picture of the README. Seconds are medians over a run's epochs and
comparable within one table alone. The folder of weights must hold SqueezeNet's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from app.settings import Settings
from app.standalone import running_service
from benchmarks.machine import describe_machine
from client.graft import Graft

ARCHITECTURE = "squeezenet1_0"
REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True)
class Run:
    """One run: what was trained, by what, and what came of it."""

    learns: str
    by: str
    weights: str
    seed: int
    val_accuracies: list[float]
    seconds: float

    @property
    def best(self) -> float:
        return max(self.val_accuracies)

    @property
    def last(self) -> float:
        return self.val_accuracies[-1]


def run_loop(data: Path, weights_dir: Path, strategy: str, *, seed: int, spins: bool) -> Run:
    """The plain loop, in a process of its own.

    spins: with OpenMP's default, by which waiting threads keep their core busy; three epochs, for
    the time alone. The service's jobs let them sleep, so the like comparison is without.
    """
    command = [sys.executable, "-m", "benchmarks.tutorial_loop", "--data", str(data)]
    command += ["--weights-dir", str(weights_dir), "--architecture", ARCHITECTURE]
    command += ["--feature-extract" if strategy == "feature_extract" else "--fine-tune"]
    command += ["--seed", str(seed), "--epochs", "3" if spins else "15"]
    environment = dict(os.environ) if spins else os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    output = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    ).stdout
    rows = [json.loads(line) for line in output.splitlines()]
    return Run(
        strategy,
        "the tutorial's loop, waiting threads spin" if spins else "the tutorial's loop",
        "imagenet",
        seed,
        [row["val_accuracy"] for row in rows],
        statistics.median(row["seconds"] for row in rows),
    )


def run_job(graft: Graft, dataset_id: str, **fields: Any) -> tuple[Run, str]:
    """A job of the service; answers the run and the job's id."""
    job = graft.create_job(dataset_id, architecture=ARCHITECTURE, **fields)
    finished = graft.wait_for_job(job.id)
    if finished.status != "succeeded":
        raise RuntimeError(f"{job.id} ended as {finished.status}: {finished.error}")
    epochs = graft.list_epochs(job.id)
    return (
        Run(
            fields["strategy"],
            f"Graft, `{fields['preset']}`",
            fields["weights"],
            fields["seed"],
            [epoch.val_accuracy for epoch in epochs],
            statistics.median(epoch.seconds for epoch in epochs),
        ),
        job.id,
    )


def run_all(
    data: Path, weights_dir: Path, picture: Path, strategies: Sequence[str], seeds: Sequence[int]
) -> Iterable[Run]:
    """Every row of the table, the loop before the jobs it is compared with."""
    folder = Path(tempfile.mkdtemp(prefix="graft-bench-"))
    settings = Settings(data_dir=folder, port=0, weights_dir=weights_dir)
    with running_service(settings, log_level="warning") as url, Graft(url) as graft:
        dataset = graft.wait_for_dataset(graft.upload_dataset(data, name="ants-and-bees").id)
        drawn: list[str] = []
        for strategy, seed in product(strategies, seeds):
            is_pretrained = strategy != "scratch"
            if is_pretrained:
                yield run_loop(data, weights_dir, strategy, seed=seed, spins=False)
                if seed == seeds[0]:
                    yield run_loop(data, weights_dir, strategy, seed=seed, spins=True)
            for preset in ("tutorial", "recommended"):
                run, job_id = run_job(
                    graft,
                    dataset.id,
                    strategy=strategy,
                    preset=preset,
                    weights="imagenet" if is_pretrained else "none",
                    seed=seed,
                )
                if preset == "recommended" and seed == seeds[0]:
                    drawn.append(job_id)
                yield run
        picture.parent.mkdir(parents=True, exist_ok=True)
        graft.save_curves(drawn[0], picture, compare=drawn[1:])


def write_table(runs: Sequence[Run]) -> str:
    """The runs as a Markdown table; seconds beside the loop's for the same strategy."""
    yardsticks = {
        (run.learns, run.seed): run.seconds for run in runs if run.by == "the tutorial's loop"
    }
    lines = [
        "| weights | strategy | run by | seed | epochs | best | last | s/epoch | loop's ÷ this |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for run in runs:
        # Without weights everything learns, as in fine-tuning.
        learns = "fine_tune" if run.learns == "scratch" else run.learns
        yardstick = yardsticks.get((learns, run.seed), float("nan"))
        lines.append(
            f"| {run.weights} | {run.learns} | {run.by} | {run.seed} "
            f"| {len(run.val_accuracies)} "
            f"| {run.best:.3f} | {run.last:.3f} | {run.seconds:.1f} "
            f"| {yardstick / run.seconds:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run everything; rows are printed as they come."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights-dir", type=Path, required=True)
    parser.add_argument(
        "--picture",
        type=Path,
        default=REPOSITORY / "docs" / "images" / "pretrained-against-scratch.png",
    )
    parser.add_argument(
        "--strategies", nargs="+", default=["feature_extract", "fine_tune", "scratch"]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    runs: list[Run] = []
    for run in run_all(
        options.data.absolute(),
        options.weights_dir.absolute(),
        options.picture,
        options.strategies,
        options.seeds,
    ):
        runs.append(run)
        print(run, file=sys.stderr, flush=True)
    print(f"{describe_machine()}\n\n{write_table(runs)}")


if __name__ == "__main__":
    main()
