"""Compare the accuracy of what trainers recommend, over datasets, in equal minutes.

    make bench-accuracy
    make bench-accuracy BENCH_FLAGS="--data some tiny --seeds 1"

Graft trains with nothing but a strategy: the head alone, or everything. Then every peer gets as
many epochs as fit into Graft's time on the same dataset and network, by the seconds of an epoch
that it ran before, and at least one. Every run is a process of its own and is written to --out
before the next one, so a second call goes on where the first one stopped. The last lines are the
mean ranks over all datasets with their critical difference; `benchmarks.draw_ranks` draws them.
"""

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from app.ml.models.lite0_package import LITE0
from benchmarks.datasets import HELD_OUT, SOURCES, Dataset, prepare
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.peers.network import SQUEEZENET
from benchmarks.ranks import ONE_EPOCH, best_accuracy, rank_systems, write_ranks
from benchmarks.systems import Record, System, run_system
from benchmarks.training import read_records, write_records

TUNED = (
    *("ants-and-bees", "few", "some", "many-classes", "unequal-classes"),
    *("satellite", "omniglot"),
)

PEERS = {
    "tutorial": ("tutorial", ("feature_extract", "fine_tune")),
    "fastai": ("fastai_learner", ("feature_extract", "fine_tune")),
    "timm": ("timm_recipe", ("feature_extract", "fine_tune")),
    "logistic regression": ("logistic_regression", ("feature_extract",)),
}
LEARNS = ("feature_extract", "fine_tune")
NETWORKS = {"squeezenet1_0": SQUEEZENET, "lite0": LITE0}


def main() -> None:
    """Run what is missing, and print a table per dataset and the ranks."""
    options = _parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    bench = _Bench(options.out, options.weights_dir.absolute())
    for name, seed in product(options.data, range(options.seeds)):
        dataset = prepare(name, options.work_dir.absolute(), options.archives.absolute())
        for network, learns in product(options.networks, options.learns):
            bench.run_all(dataset, network, learns, seed)
    print(f"{describe_machine()}\n")
    for names, title in ((TUNED, "Datasets of the tuning"), (HELD_OUT, "Held-out datasets")):
        records = [one for one in bench.records if one.dataset in names]
        if records:
            print(f"## {title}\n\n{write_table(records)}\n")
    for learns in LEARNS:
        print(write_ranks(rank_systems(one for one in bench.records if one.learns == learns)))


class _Bench:
    """The runs so far, and what is still to be run."""

    def __init__(self, out: Path, weights_dir: Path) -> None:
        self._out = out
        self._weights_dir = weights_dir
        self.records = [one for one in read_records(out) if one.error is None]

    def run_all(self, dataset: Dataset, network: str, learns: str, seed: int) -> None:
        """Run Graft and then each peer for as long as Graft took."""
        own = System(
            f"Graft, {network}",
            "child",
            learns,
            architecture=NETWORKS[network],
            fields={"strategy": learns},
        )
        graft = self._run(own, dataset, seed)
        if graft.error is not None:
            return
        budget = graft.total_seconds - graft.import_seconds
        for name, (module, strategies) in PEERS.items():
            if learns not in strategies:
                continue
            peer = System(
                f"{name}, {network}",
                "peer",
                learns,
                module,
                architecture=NETWORKS[network],
                epochs=1,
            )
            first = self._run(replace(peer, name=f"{peer.name}{ONE_EPOCH}"), dataset, 0)
            if first.error is not None:
                continue
            epochs = max(1, round(budget / first.rows[0].seconds))
            if epochs == 1 and seed == first.seed:
                self._keep(replace(first, system=peer.name))
            else:
                self._run(replace(peer, epochs=epochs), dataset, seed)

    def _run(self, system: System, dataset: Dataset, seed: int) -> Record:
        wanted = (system.name, system.driven, system.learns, dataset.name, seed, "passive")
        for record in self.records:
            if record.key == wanted:
                return record
        record = run_system(system, dataset, self._weights_dir, seed=seed, omp="passive")
        best = max((row.val_accuracy for row in record.rows), default=0.0)
        print(*record.key, record.error or f"{best:.3f}", file=sys.stderr, flush=True)
        if record.error is None:
            self._keep(record)
        return record

    def _keep(self, record: Record) -> None:
        if record.key not in {one.key for one in self.records}:
            self.records.append(record)
            write_records(self._out, self.records)


def write_table(records: Sequence[Record]) -> str:
    """Write a Markdown table: best accuracy with its spread over seeds, minutes, and runs."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if not record.system.endswith(ONE_EPOCH):
            groups[record.dataset, record.learns, record.system].append(record)
    lines = [
        "| dataset | trained | system | runs | accuracy | minutes |",
        "|---|---|---|---:|---:|---:|",
    ]
    for (dataset, learns, system), runs in sorted(groups.items()):
        accuracies = [best_accuracy(run) for run in runs]
        spread = f" ± {statistics.stdev(accuracies):.3f}" if len(runs) > 1 else ""
        minutes = statistics.mean(run.total_seconds - run.import_seconds for run in runs) / 60
        trained = "head" if learns == "feature_extract" else "everything"
        lines.append(
            f"| {dataset} | {trained} | {system} | {len(runs)} | "
            f"{statistics.mean(accuracies):.3f}{spread} | {minutes:.1f} |"
        )
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=list(SOURCES), default=[*TUNED, *HELD_OUT])
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--learns", nargs="+", choices=LEARNS, default=LEARNS)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 0")
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/accuracy.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
