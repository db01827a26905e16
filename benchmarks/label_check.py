"""Measure the label check on flipped labels, beside cleanlab's.

    make bench-label-check

The features come from SqueezeNet 1.0 with its published weights; the heads that judge an image
were not fitted to it. A share of the labels is replaced by another class at random, the same for
both. Both get the same probabilities: precision is the share of the listed images whose label was
replaced, recall the share of the replaced labels that are listed, and the depths are the first
images of each ranking.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from cleanlab.filter import find_label_issues
from torch import Tensor

from benchmarks.datasets import prepare
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.novelty import compute_features, open_network
from worker.training.evaluation.label_errors import check_labels
from worker.training.evaluation.scored import Scored
from worker.training.head import choose_head

DATASETS = ("ants-and-bees", "satellite", "grocery")
RATES = (0.0, 0.08)
DEPTHS = (0.25, 0.5, 1.0)
"""Lengths of the first images of a ranking, as multiples of the number of replaced labels."""
_L2_STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01)


def main() -> None:
    """Print a row per dataset, rate and method, averaged over seeds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    print(f"{describe_machine()}\n")
    depths = " | ".join(f"precision, recall at {depth:g} x" for depth in DEPTHS)
    print(f"| dataset | replaced | method | listed | expected | precision | recall | {depths} |")
    print("|---|---:|---|---:|---:|---:|---:|" + "---:|" * len(DEPTHS))
    for name in options.data:
        features, labels, class_names = gather(name, options.work_dir)
        for rate in RATES:
            rows: dict[str, list[list[float]]] = {}
            for seed in range(options.seeds if rate else 1):
                given = replace_labels(labels, len(class_names), rate, seed)
                for method, row in measure(features, given, given != labels, class_names):
                    rows.setdefault(method, []).append(row)
            for method, values in rows.items():
                print_row(
                    name, rate, method, [_mean(column) for column in zip(*values, strict=True)]
                )


def gather(name: str, work_dir: Path) -> tuple[Tensor, Tensor, list[str]]:
    """Return features, labels and class names of a dataset's training images; features are kept."""
    shared = find_shared_dir()
    kept = work_dir / f"features-{name}.pt"
    if not kept.exists():
        network = open_network(shared / "weights")
        folder = prepare(name, work_dir, shared / "data").folder / "train"
        by_class = {part.name: compute_features(network, part) for part in sorted(folder.iterdir())}
        torch.save(by_class, kept)
    by_class = torch.load(kept)
    labels = [torch.full((len(part),), label) for label, part in enumerate(by_class.values())]
    return torch.cat(list(by_class.values())), torch.cat(labels), list(by_class)


def replace_labels(labels: Tensor, num_classes: int, rate: float, seed: int) -> Tensor:
    """Replace a share of the labels by another class at random."""
    random = np.random.default_rng(seed)
    given = labels.clone()
    for index in random.permutation(len(labels))[: round(rate * len(labels))]:
        given[index] = (given[index] + 1 + int(random.integers(num_classes - 1))) % num_classes
    return given


def measure(
    features: Tensor, labels: Tensor, is_wrong: Tensor, class_names: Sequence[str]
) -> list[tuple[str, list[float]]]:
    """Return the figures of both methods: listed, expected, precision, recall, then by depth."""
    solution = choose_head(
        features, labels, num_classes=len(class_names), l2_strengths=_L2_STRENGTHS
    )
    if solution.out_of_fold is None:
        raise AssertionError("every class has several images")
    logits = solution.out_of_fold
    ids = list(range(len(labels)))
    check = check_labels(class_names, Scored(ids, [str(i) for i in ids], labels, logits))
    own = [one.image_id for one in check.suspects or []]
    theirs = find_label_issues(
        labels.numpy(),
        logits.double().softmax(1).numpy(),
        return_indices_ranked_by="self_confidence",
    ).tolist()
    expected = float("nan") if check.expected_precision is None else check.expected_precision
    return [
        ("Graft", [len(own), expected, *_rate_list(own, is_wrong)]),
        ("cleanlab", [len(theirs), float("nan"), *_rate_list(theirs, is_wrong)]),
    ]


def _rate_list(listed: Sequence[int], is_wrong: Tensor) -> list[float]:
    """Return precision and recall of the whole list, then of its beginnings."""
    num_wrong = int(is_wrong.sum())
    cuts = [len(listed), *(round(depth * num_wrong) for depth in DEPTHS)]
    figures = []
    for cut in cuts:
        part = list(listed[:cut])
        num_right = int(is_wrong[part].sum()) if part else 0
        figures.append(num_right / len(part) if part else float("nan"))
        figures.append(num_right / num_wrong if num_wrong else float("nan"))
    return figures


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the numbers, NaN without any."""
    known = [value for value in values if not np.isnan(value)]
    return sum(known) / len(known) if known else float("nan")


def print_row(name: str, rate: float, method: str, values: Sequence[float]) -> None:
    """Print a line of the table."""
    _, expected, *figures = ["—" if np.isnan(value) else f"{value:.2f}" for value in values]
    pairs = [", ".join(figures[index : index + 2]) for index in range(2, len(figures), 2)]
    cells = [name, f"{rate:.0%}", method, f"{values[0]:.0f}", expected, *figures[:2], *pairs]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
