"""Measure heads on few images: features scaled by their own variance, and by the median of all.

    make bench-few-images

For each number of images per class, several random draws from the training images; the accuracy is
that on all validation images, its mean over the draws. The solver is the service's.
"""

import argparse
from pathlib import Path
from statistics import mean
from unittest.mock import patch

import torch
from torch import Tensor

from app.ml.models.lite0_package import LITE0
from app.ml.recipe import Lbfgs
from benchmarks.datasets import prepare
from benchmarks.frozen_engine import load, read, run
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.peers.network import SQUEEZENET
from worker.training import head
from worker.training.objective import weigh_classes

OWN = (1.0, head.OWN_VARIANCE, 0.0)
"""Shares of a feature's own variance: alone, as the service has it, and not at all."""


def main() -> None:
    """Print a row per dataset, number of images and network."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["ants-and-bees"])
    parser.add_argument("--per-class", nargs="+", type=int, default=[3, 5, 10, 20, 60])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    print(f"{describe_machine()}\n")
    titles = ["own variance alone", "the mean of both", "median of all alone"]
    print(f"| dataset | images per class | network | {' | '.join(titles)} |")
    print("|---|---:|---|---:|---:|---:|")
    for name in options.data:
        dataset = prepare(name, options.work_dir, options.archives)
        for network in (SQUEEZENET, LITE0):
            backbone, spec = load(network, dataset.input_size, options.weights_dir)
            splits = [read(dataset.folder / split, spec) for split in ("train", "val")]
            train, val = ((run(backbone, split.pixels), split.targets) for split in splits)
            for per_class in options.per_class:
                draws = 1 if per_class == 0 else options.draws
                cells = [measure(train, val, per_class, draws, own) for own in OWN]
                row = " | ".join(f"{cell:.3f}" for cell in cells)
                print(f"| {name} | {per_class or 'all'} | {network} | {row} |", flush=True)


def measure(
    train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor], per_class: int, draws: int, own: float
) -> float:
    """Return the mean validation accuracy over draws; per_class 0 takes all images.

    Classes count the same in the loss, as in validation.
    """
    num_classes = int(train[1].max()) + 1
    accuracies = []
    for seed in range(draws):
        chosen = draw(train[1], per_class, seed)
        features, targets = train[0][chosen], train[1][chosen]
        with patch.object(head, "OWN_VARIANCE", own):
            solution = head.choose_head(
                features,
                targets,
                num_classes=num_classes,
                l2_strengths=Lbfgs().l2_strengths,
                class_weights=weigh_classes(targets, num_classes),
            )
        predicted = solution.head(val[0]).argmax(1)
        accuracies.append((predicted == val[1]).double().mean().item())
    return mean(accuracies)


def draw(targets: Tensor, per_class: int, seed: int) -> Tensor:
    """Return the positions of this many random images of each class; 0 returns all."""
    random = torch.Generator().manual_seed(seed)
    parts = []
    for target in range(int(targets.max()) + 1):
        positions = (targets == target).nonzero()[:, 0]
        shuffled = positions[torch.randperm(len(positions), generator=random)]
        parts.append(shuffled[: per_class or None])
    return torch.cat(parts)


if __name__ == "__main__":
    main()
