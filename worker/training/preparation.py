"""Everything a training needs, made ready before its first epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from app.ml.models.catalogue import Entry, get_entry
from app.ml.models.checkpoint import CheckpointHeader
from app.ml.models.features import set_head
from app.ml.recipe import Lbfgs, Recipe
from app.ml.runtime.precision import choose_precision
from app.storage import Storage
from worker.training.batch_norm import share_statistics
from worker.training.config import TrainingConfig
from worker.training.data import Loader, Sample
from worker.training.distributed import ALONE, Ranks
from worker.training.evaluation.scored import Scored
from worker.training.feed import ImageFeed, Read, Splits, list_splits, open_feed
from worker.training.fit import Feed
from worker.training.frozen import ActivationFeed, cut_features, cut_model
from worker.training.head import LinearHead, Solution, choose_head
from worker.training.learner import Average, Learner
from worker.training.objective import make_objective, weigh_classes
from worker.training.optim import list_by_depth, make_optimizer
from worker.training.progress import ProgressReporter
from worker.training.resident import count_resident_bytes, keep_on_device
from worker.training.starting_model import start_model

_PROBE = Lbfgs()
"""How a linear probe for the start of a head is fitted."""


@dataclass
class Bench:
    """A model with its feed and its learner, ready to train.

    model is the whole network, of which learner.model may be the last part. layers are what learns,
    from the head downwards. out_of_fold is what heads said of training images they had not seen,
    once there are such heads. notes are what was found out on the way.
    """

    entry: Entry
    model: nn.Module
    header: CheckpointHeader
    splits: Splits
    images: ImageFeed
    feed: Feed
    learner: Learner
    layers: list[list[nn.Parameter]]
    out_of_fold: Scored | None
    notes: dict[str, Any]

    def go_on_alone(self) -> None:
        """The other processes have nothing more to do."""
        if not self.learner.ranks.is_alone:
            self.learner.ranks = ALONE
            self.feed = self.images

    def put_head(self, head: LinearHead) -> None:
        """Give the model a head that was solved for."""
        set_head(self.model, self.entry, head.weight, head.bias)

    def learn_of(self, solution: Solution) -> None:
        """Remember what a cross-validated head said of the images it had not seen."""
        if solution.held_out is None or solution.out_of_fold is None:
            return
        held_out = solution.held_out.tolist()
        samples = [s for s, is_held in zip(self.splits.train, held_out, strict=True) if is_held]
        logits = solution.out_of_fold[solution.held_out].cpu()
        self.out_of_fold = Scored.of(samples, logits, self.splits.paths)


def prepare(  # noqa: PLR0913, PLR0917 -- each is one thing the caller knows
    config: TrainingConfig,
    storage: Storage,
    loader: Loader,
    device: torch.device,
    progress: ProgressReporter,
    ranks: Ranks = ALONE,
) -> Bench:
    """Model, images and learner of a job; frozen layers are run where that is to be done once.

    Among several processes the first fits the head that the others then get from it.
    Raises what `list_splits`, `start_model` and `cut_model` do.
    """
    recipe = config.recipe
    entry = get_entry(recipe.architecture)
    numbers = choose_precision(recipe.precision, device)
    splits = list_splits(config, storage)
    model, header = start_model(config, storage)
    if not ranks.is_alone and recipe.batch_norm == "train":
        model = share_statistics(model, device)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch
    num_images = len(splits.train) + len(splits.val)
    on_image = progress.prepare("decoding images", num_images)
    images, is_cached = open_feed(
        config, splits, header.preprocessing, loader, device, lambda: on_image(1)
    )
    is_resident = False
    if device.type == "cuda":
        images, is_resident = keep_on_device(images, count_resident_bytes(device))
    learner = Learner(
        model,
        None if isinstance(recipe.optimizer, Lbfgs) else make_optimizer(model, recipe, entry),
        make_objective(recipe, splits.train, len(config.class_names), device),
        device,
        numbers,
        recipe.batch_norm,
        recipe.clip_norm,
        recipe.accumulate,
        Average(model, recipe.ema) if recipe.ema else None,
        ranks,
    )
    bench = Bench(
        entry,
        model,
        header,
        splits,
        images,
        images if ranks.is_alone else replace(images, ranks=ranks),
        learner,
        list_by_depth(model, entry),
        None,
        {
            "precision": numbers,
            "images_cached": is_cached,
            "images_on": "device" if is_resident else "host",
            "num_processes": ranks.of,
        },
    )
    if recipe.head_start == "linear_probe" and ranks.rank == 0:
        _start_head(bench, recipe, progress)
    if recipe.cached_views is not None:
        _run_frozen_once(bench, recipe, recipe.cached_views, progress)
    if recipe.compile:
        learner.model.compile()
    return bench


def _start_head(bench: Bench, recipe: Recipe, progress: ProgressReporter) -> None:
    """Linear probing before anything else learns (Kumar et al., 2022)."""
    images, train = bench.images, bench.splits.train
    front = cut_features(bench.model, bench.entry)
    on_batch = progress.prepare("fitting the head", len(train))
    features, targets = run_once(bench, front, train, images.read_plain, on_batch)
    solution = choose_head(
        features,
        targets,
        num_classes=images.num_classes,
        l2_strengths=_PROBE.l2_strengths,
        folds=_PROBE.folds,
        class_weights=None
        if recipe.class_balance == "none"
        else weigh_classes(targets, images.num_classes),
    )
    bench.put_head(solution.head)
    if bench.learner.average is not None and recipe.ema is not None:
        bench.learner.average = Average(bench.model, recipe.ema)
    bench.learn_of(solution)
    bench.notes["head_start"] = {
        "l2_strength": solution.l2_strength,
        "cv_accuracy": solution.cv_accuracy,
    }


def _run_frozen_once(
    bench: Bench, recipe: Recipe, num_views: int, progress: ProgressReporter
) -> None:
    """Let the learner and its feed begin where the frozen layers end."""
    images, splits = bench.images, bench.splits
    cut = cut_model(bench.model, bench.entry, recipe)
    num_images = num_views * len(splits.train) + len(splits.val)
    on_batch = progress.prepare("running the frozen layers", num_images)
    views = [
        run_once(bench, cut.front, splits.train, images.varied(view), on_batch)
        for view in range(1, num_views + 1)
    ]
    val, val_targets = run_once(bench, cut.front, splits.val, images.read_plain, on_batch)
    bench.feed = ActivationFeed(
        recipe, [activations for activations, _ in views], views[0][1], val, val_targets
    )
    bench.learner.model = cut.tail


def run_once(
    bench: Bench,
    front: Callable[[Tensor], Tensor],
    samples: Sequence[Sample],
    read: Read,
    on_batch: Callable[[int], None],
) -> tuple[Tensor, Tensor]:
    """What a model's part makes of images, [num_images, ...], and their targets."""

    def run_front(images: Tensor) -> Tensor:
        with bench.learner.autocast(), torch.no_grad():
            return front(images)

    activations, targets = [], []
    for made, labels in bench.images.map_once(samples, read, run_front):
        activations.append(made)
        targets.append(labels)
        on_batch(len(labels))
    return torch.cat(activations), torch.cat(targets)
