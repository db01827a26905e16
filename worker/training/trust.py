"""Calibration data of a trained model, measured on its validation images."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from app.ml.recipe import NoAugmentation
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.runtime.seeding import derive_seed
from app.ml.trust.novelty import count_kept, measure_distances, to_unit_length
from app.ml.trust.trust_file import Trust
from worker.training.data import Sample
from worker.training.evaluation.scored import Scored
from worker.training.frozen import is_split_at_head, run_once
from worker.training.setup import TrainingSetup

MAX_MEASURED = 2000
"""Largest number of validation images whose distances are measured; a quantile needs no more."""


def measure_trust(setup: TrainingSetup, val: Scored) -> Trust:
    """Return calibration, conformity and out-of-distribution distances of a setup's model.

    val holds its scores of all validation images. Features that the training computed are used;
    for others the model runs once more on the images that are needed.
    """
    splits = setup.splits
    num_kept = count_kept(setup.architecture.heads[-1].in_features, setup.header.num_classes)
    kept = choose_neighbours([sample.target for sample in splits.train], num_kept)
    measured = range(0, len(splits.val), -(-len(splits.val) // MAX_MEASURED))
    training = [splits.train[position] for position in kept]
    validation = [splits.val[position] for position in measured]
    train_features, val_features = _recall_features(setup)
    if train_features is None:
        neighbours = _compute_features(setup, training)
    else:
        neighbours = train_features[kept]
    if val_features is None:
        features = _compute_features(setup, validation)
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
    """Return the calibrated probability of each image's own class, float32 [num_images], ascending.

    Temperatures are cross-fitted. The result is empty if there is only one image.
    """
    if val.calibrated.across is None:
        return torch.empty(0)
    probabilities = val.calibrated.across.softmax(1)
    return probabilities.gather(1, val.targets[:, None])[:, 0].sort().values


def choose_neighbours(targets: Sequence[int], num_kept: int) -> list[int]:
    """Return positions of at most num_kept images, ascending, balanced over the classes.

    The same targets give the same positions.
    """
    random = torch.Generator().manual_seed(derive_seed("neighbours"))
    turns: Counter[int] = Counter()
    order: list[tuple[int, int, int]] = []
    for position in torch.randperm(len(targets), generator=random).tolist():
        target = targets[position]
        order.append((turns[target], target, position))
        turns[target] += 1
    return sorted(position for _, _, position in sorted(order)[:num_kept])


def _compute_features(setup: TrainingSetup, samples: Sequence[Sample]) -> Tensor:
    """Return the head's input for each of the images, as in serving."""
    network = ScoringNetwork(setup.model, setup.architecture, setup.header.preprocessing)
    # Compiled code ignores the hook that reads the features.
    eager = torch.compiler.set_stance("force_eager") if setup.recipe.compile else nullcontext()
    with eager:
        features, _ = run_once(
            lambda images: network.score(images)[1],
            setup.images,
            samples,
            setup.images.read_plain,
            precision=setup.learner.precision,
            on_batch=setup.context.progress.conclude("measuring trust", len(samples)),
        )
    return features.cpu()


def _recall_features(setup: TrainingSetup) -> tuple[Tensor | None, Tensor | None]:
    """Return features of all training and all validation images, where training computed them."""
    activations, recipe = setup.activations, setup.recipe
    if activations is None or not is_split_at_head(setup.model, setup.architecture, recipe):
        return None, None
    is_plain = isinstance(recipe.augmentation, NoAugmentation)
    return activations.views[0].cpu() if is_plain else None, activations.val.cpu()
