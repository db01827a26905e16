"""Check what the service decides itself: its advice, and searches within a time budget.

    make bench-automatic
    make bench-automatic BENCH_FLAGS="--data some --budgets 60 --seeds 3"

Everything goes through one running service. For each dataset and network the advice is asked for
and followed, and what it expected is compared with what came out; then a job with
`time_budget_seconds` chooses among all networks whose weights are here. Each run is written to
--out before the next one, so a second call goes on where the first one stopped. Where a budget is
too small for a dataset, the error stream says so.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from app.ml.models.lite0_package import LITE0
from benchmarks.datasets import SOURCES, prepare
from benchmarks.graft_service import running_service
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.peers.network import SQUEEZENET
from benchmarks.processes import environment_for
from graft_client import Dataset, Graft, Job, OutcomeError
from graft_client.schemas.base import Proportion

Key = tuple[str, str, int, int]
"""Dataset, network or `auto`, budget, and seed of a run."""


@dataclass(frozen=True)
class Trial:
    """A fine-tuning of a search on a part of the training images; accuracies on the others."""

    architecture: str
    epochs: int
    num_held_out_images: int
    head_accuracy: float
    accuracy: float


@dataclass(frozen=True)
class Run:
    """One job. budget: its seconds, 0 for a job that follows the advice for a network.

    low and high: the interval of the expected accuracy. val_accuracy: the registered model's, with
    the interval that the noise of its images gives it.
    seconds: from POST /jobs to the end, without the advice. trials: those of a search.
    """

    dataset: str
    network: str
    budget: int
    seed: int
    chosen: str
    expected: float
    low: float
    high: float
    val_accuracy: float
    val_low: float
    val_high: float
    seconds: float
    trials: tuple[Trial, ...] = ()


def main() -> None:
    """Run what is missing, and print both tables."""
    options = _parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    runs = read_runs(options.out)
    done = {(run.dataset, run.network, run.budget, run.seed) for run in runs}
    missing = [one for one in _list_wanted(options) if one not in done]
    if missing:
        for run in _run_all(missing, options):
            runs.append(run)
            print(run, file=sys.stderr, flush=True)
            options.out.write_text(json.dumps([asdict(one) for one in runs], indent=1))
    print(f"{describe_machine()}\n\n{write_advice_table(runs)}\n\n{write_budget_table(runs)}")


def read_runs(path: Path) -> list[Run]:
    """Read the runs so far; none where there is no file yet."""
    stored = json.loads(path.read_text()) if path.exists() else []
    return [
        Run(**{**one, "trials": tuple(Trial(**trial) for trial in one.get("trials", ()))})
        for one in stored
    ]


def _list_wanted(options: argparse.Namespace) -> list[Key]:
    of_networks = [(network, 0, 0) for network in (SQUEEZENET, LITE0)]
    of_budgets = [("auto", *pair) for pair in product(options.budgets, range(options.seeds))]
    return [(name, *one) for name in options.data for one in of_networks + of_budgets]


def _run_all(missing: Sequence[Key], options: argparse.Namespace) -> Iterator[Run]:
    """Run jobs on one service, which gets each dataset before the first job that needs it."""
    uploaded: dict[str, Dataset] = {}
    weights_dir = options.weights_dir.absolute()
    with (
        tempfile.TemporaryDirectory(prefix="graft-bench-") as data_dir,
        running_service(environment_for("passive"), Path(data_dir), weights_dir) as service,
        Graft(service[0]) as graft,
    ):
        for name, network, budget, seed in missing:
            if name not in uploaded:
                folder = prepare(name, options.work_dir, options.archives).folder
                uploaded[name] = graft.datasets.upload(folder, name=name, progress=False)
                uploaded[name].wait(progress=False)
            try:
                yield _run(graft, uploaded[name], network, budget, seed)
            except OutcomeError as error:
                if error.code != "BUDGET_TOO_SMALL":
                    raise
                print(f"{name}, {budget} s: {error}", file=sys.stderr, flush=True)


def _run(graft: Graft, dataset: Dataset, network: str, budget: int, seed: int) -> Run:
    advice = None if budget else dataset.advice(architecture=network)
    started = time.perf_counter()
    job = (
        graft.train(
            dataset, strategy="auto", architecture="auto", time_budget_seconds=budget, seed=seed
        )
        if advice is None
        else graft.train(dataset, seed=seed, **advice.fields)
    )
    job.wait(progress=False)
    seconds = time.perf_counter() - started
    best = job.best
    if best is None:
        raise AssertionError("a job that succeeded has a best epoch")
    val_low, val_high = job.report().accuracy_interval
    chosen, expected, trials = (
        (advice.strategy, advice.expected_accuracy, ()) if advice else _read_search(job)
    )
    return Run(
        dataset=dataset.name,
        network=network,
        budget=budget,
        seed=seed,
        chosen=chosen,
        expected=expected.value,
        low=expected.low,
        high=expected.high,
        val_accuracy=best.val_accuracy,
        val_low=val_low,
        val_high=val_high,
        seconds=seconds,
        trials=trials,
    )


def _read_search(job: Job) -> tuple[str, Proportion, tuple[Trial, ...]]:
    """Return what a search chose in words, the accuracy that it expected of it, and its trials."""
    portfolio = job.portfolio()
    if portfolio.expected_accuracy is None:
        raise AssertionError("a search that has ended expects an accuracy")
    is_tuned = portfolio.fine_tuning is not None and portfolio.fine_tuning.best_epoch
    trained = "everything" if is_tuned else "head"
    trials = tuple(
        Trial(
            one.architecture or str(portfolio.chosen),
            one.epochs,
            one.num_held_out_images,
            one.head_accuracy,
            one.accuracy,
        )
        for one in (portfolio.trial, *portfolio.other_trials)
        if one is not None
    )
    return f"{portfolio.chosen}, {trained}", portfolio.expected_accuracy, trials


def write_advice_table(runs: Sequence[Run]) -> str:
    """Write the expected and the reached accuracy of each advice, and how often they agree."""
    rows = [run for run in runs if not run.budget]
    lines = [
        "| dataset | network | advised | expected | reached | within | with validation's noise |",
        "|---|---|---|---:|---:|---|---|",
        *(
            f"| {run.dataset} | {run.network} | {run.chosen} | {run.expected:.3f} "
            f"({run.low:.3f} to {run.high:.3f}) | {run.val_accuracy:.3f} | "
            f"{_say(is_within(run))} | {_say(is_within_noise(run))} |"
            for run in rows
        ),
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"Within the interval: {sum(map(is_within, rows))} of {len(rows)}.",
            f"With the noise of validation, too: {sum(map(is_within_noise, rows))}.",
        ]
    )


def write_budget_table(runs: Sequence[Run]) -> str:
    """Write what each search chose, reached and used of its budget."""
    lines = ["| dataset | budget | seed | chosen | expected | reached | seconds | trials |"]
    lines.append("|---|---:|---:|---|---:|---:|---:|---|")
    lines += [
        f"| {run.dataset} | {run.budget} s | {run.seed} | {run.chosen} | {run.expected:.3f} "
        f"({run.low:.3f} to {run.high:.3f}) | {run.val_accuracy:.3f} | {run.seconds:.0f} | "
        f"{'; '.join(map(_describe, run.trials))} |"
        for run in sorted(runs, key=lambda run: (run.dataset, run.budget, run.seed))
        if run.budget
    ]
    return "\n".join(lines)


def _describe(trial: Trial) -> str:
    return (
        f"{trial.architecture} (epochs: {trial.epochs}), {trial.head_accuracy:.3f} to "
        f"{trial.accuracy:.3f} on {trial.num_held_out_images} images"
    )


def is_within(run: Run) -> bool:
    """Return whether the accuracy that came out lies in the interval that was expected."""
    return run.low <= run.val_accuracy <= run.high


def is_within_noise(run: Run) -> bool:
    """Return the same, where the accuracy that came out has an interval of its own, too."""
    if run.val_accuracy >= run.expected:
        allowed = math.hypot(run.high - run.expected, run.val_accuracy - run.val_low)
    else:
        allowed = math.hypot(run.expected - run.low, run.val_high - run.val_accuracy)
    return abs(run.val_accuracy - run.expected) <= allowed


def _say(answer: bool) -> str:
    return "yes" if answer else "no"


def _parse() -> argparse.Namespace:
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=list(SOURCES), default=["ants-and-bees"])
    parser.add_argument("--budgets", nargs="*", type=int, default=[60], help="seconds")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/automatic.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
