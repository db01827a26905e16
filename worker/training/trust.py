"""What the confidence of a trained model is worth, measured on the images it was validated on."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from app.ml.recipe import NoAugmentation, Recipe
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.runtime.seeding import derive_seed
from app.ml.trust.novelty import count_kept, measure_distances, to_unit_length
from app.ml.trust.trust_file import Trust
from worker.training.data import Sample
from worker.training.evaluation.scored import Scored
from worker.training.frozen import ActivationFeed, ends_at_head
from worker.training.preparation import Bench, run_once
from worker.training.progress import ProgressReporter

MAX_MEASURED = 2000
"""Validation images whose novelty is measured: one quantile needs no more."""


def measure_trust(recipe: Recipe, bench: Bench, val: Scored, progress: ProgressReporter) -> Trust:
    """Calibration, conformity and novelty of the model that is in the bench now.

    val is what it said of all validation images. Features that the training made anyway are used;
    for others the model runs once more on the images that are needed.
    """
    splits = bench.splits
    num_kept = count_kept(bench.entry.heads[-1].in_features, bench.header.num_classes)
    kept = choose_neighbours([sample.target for sample in splits.train], num_kept)
    measured = range(0, len(splits.val), -(-len(splits.val) // MAX_MEASURED))
    training = [splits.train[position] for position in kept]
    validation = [splits.val[position] for position in measured]
    train_features, val_features = _recall_features(recipe, bench)
    if train_features is None:
        neighbours = _gather_features(bench, training, progress)
    else:
        neighbours = train_features[kept]
    if val_features is None:
        features = _gather_features(bench, validation, progress)
    else:
        features = val_features[list(measured)]
    neighbours = to_unit_length(neighbours).half().float()  # as they will be read back
    return Trust(
        temperature=val.calibrated.temperature.value,
        conformity=measure_conformity(val),
        neighbours=neighbours,
        distances=measure_distances(features, neighbours).sort().values,
    )


def measure_conformity(val: Scored) -> Tensor:
    """The calibrated probability of each image's own class, float32 [num_images], ascending.

    By temperatures that the image had no part in; empty where a single image leaves none.
    """
    if val.calibrated.across is None:
        return torch.empty(0)
    probabilities = val.calibrated.across.softmax(1)
    return probabilities.gather(1, val.targets[:, None])[:, 0].sort().values


def choose_neighbours(targets: Sequence[int], num_kept: int) -> list[int]:
    """Positions of so many images at most, ascending, as equally many of each class as there are.

    The same images for the same targets.
    """
    random = torch.Generator().manual_seed(derive_seed("neighbours"))
    turns: Counter[int] = Counter()
    order: list[tuple[int, int, int]] = []
    for position in torch.randperm(len(targets), generator=random).tolist():
        target = targets[position]
        order.append((turns[target], target, position))
        turns[target] += 1
    return sorted(position for _, _, position in sorted(order)[:num_kept])


def _gather_features(bench: Bench, samples: Sequence[Sample], progress: ProgressReporter) -> Tensor:
    """What the head is given for each of the images, as it will be when the model serves."""
    on_batch = progress.conclude("measuring trust", len(samples))
    network = ScoringNetwork(bench.model, bench.entry, bench.header.preprocessing)
    with torch.compiler.set_stance("force_eager"):  # compiled code would not see the tap
        features, _ = run_once(
            bench,
            lambda images: network.score(images)[1],
            samples,
            bench.images.read_plain,
            on_batch,
        )
    return features.cpu()


def _recall_features(recipe: Recipe, bench: Bench) -> tuple[Tensor | None, Tensor | None]:
    """Features of all training and all validation images, where training has made them."""
    feed = bench.feed
    if not isinstance(feed, ActivationFeed) or not ends_at_head(bench.model, bench.entry, recipe):
        return None, None
    is_plain = isinstance(recipe.augmentation, NoAugmentation)
    return feed.views[0].cpu() if is_plain else None, feed.val.cpu()
