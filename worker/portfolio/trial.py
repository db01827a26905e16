"""A short fine-tuning on some of the training images: what would a long one bring?"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.errors import Diverged
from app.jobs.portfolio_schemas import FineTuningTrial
from app.ml.models.features import set_head
from app.ml.recipe import Recipe
from app.ml.runtime.device import move_to_device
from app.ml.runtime.precision import choose_precision
from app.ml.runtime.seeding import derive_seed
from worker.portfolio.results import CandidateResult
from worker.training.dry_run import StepDryRun
from worker.training.evaluation.expected_accuracy import (
    measure_difference,
    measure_share,
    weigh_images,
)
from worker.training.feed import ImageFeed, Splits, open_feed
from worker.training.fit import fit
from worker.training.head import choose_head
from worker.training.learner import Learner
from worker.training.loop import OnStep, predict_scores
from worker.training.objective import make_objective
from worker.training.optim import list_by_depth
from worker.training.preparation import make_learner
from worker.training.setup import TrainingContext
from worker.training.starting_model import start_model

HELD_OUT_SHARE = 0.2
_SOURCE_OVER_PLAIN = 1.5
"""Seconds to decode an image for random crops, in those to decode it for validation."""


@dataclass(frozen=True)
class EpochCost:
    """Seconds of an epoch of fine-tuning, and of what comes before the first."""

    epoch: float
    setup: float


def estimate_epoch(
    context: TrainingContext, splits: Splits, result: CandidateResult, recipe: Recipe
) -> EpochCost:
    """Estimate the cost of fine-tuning from one batch; raises MemoryError if it does not fit."""
    model, header = start_model(
        context.config.model_copy(update={"recipe": recipe}), context.storage
    )
    dry_run = StepDryRun(model, recipe, num_classes=header.num_classes, device=context.device)
    step = dry_run.train(recipe.batch_size)
    evaluation = result.evaluation
    num_train, num_val = len(splits.train), len(splits.val)
    # Cropping an image costs no more than decoding it.
    epoch = num_train * (step + evaluation.decoding) + num_val * evaluation.forward
    decoding = evaluation.decoding * (_SOURCE_OVER_PLAIN * num_train + num_val)
    return EpochCost(epoch, decoding + num_val * evaluation.forward)


def run_trial(  # noqa: PLR0913 -- each is one thing the caller knows
    context: TrainingContext,
    splits: Splits,
    result: CandidateResult,
    recipe: Recipe,
    *,
    epochs: int,
    started_at_seconds: float,
    should_stop: Callable[[], bool],
    now: Callable[[], float] = time.perf_counter,
) -> tuple[FineTuningTrial | None, EpochCost]:
    """Fine-tune on four fifths of the training images and compare with the head on the rest.

    Both start from the same head, which was solved on these four fifths. None if the training
    diverged or was stopped. Also returns the measured cost of an epoch of all images.
    """
    began = now()
    fit_part, held_out = divide(result.heads.targets)
    features, targets = result.heads.features, result.heads.targets
    class_weights = result.heads.weigh(targets[fit_part])
    head = choose_head(
        features[fit_part],
        targets[fit_part],
        num_classes=len(context.config.class_names),
        l2_strengths=[result.best.l2_strength],
        class_weights=class_weights,
    ).head
    head_right = head(features[held_out]).argmax(1) == targets[held_out]
    short = recipe.model_copy(update={"epochs": epochs, "ema": None, "early_stopping": None})
    config = context.config.model_copy(update={"recipe": short})
    model, header = start_model(config, context.storage)
    move_to_device(model, context.device)
    set_head(model, result.architecture, head.weight, head.bias)
    count = context.progress.prepare("decoding images", len(splits.train) + len(splits.val))
    images, _ = open_feed(
        config,
        splits,
        header.preprocessing,
        loader=context.loader,
        device=context.device,
        on_image=lambda: count(1),
    )
    train = [splits.train[position] for position in fit_part.tolist()]
    held = [splits.train[position] for position in held_out.tolist()]
    images = replace(images, splits=replace(splits, train=train, val=held, test=[]))
    precision = choose_precision(short.precision, context.device)
    short_context = replace(context, config=config)
    objective = make_objective(
        short, train, images.num_classes, context.device, chosen_weights=class_weights
    )
    learner = make_learner(short_context, objective, model, model, precision)
    on_step = context.progress.prepare("trying fine-tuning", epochs * len(splits.train))
    began_epochs = now()
    is_right = _train(short_context, images, learner, result, should_stop, on_step)
    seconds = (now() - began_epochs) / epochs
    evaluation = result.evaluation
    cost = EpochCost(
        seconds * len(splits.train) / len(train) + len(splits.val) * evaluation.forward,
        len(splits.val) * (evaluation.forward + evaluation.decoding),
    )
    if is_right is None:
        return None, cost
    weights = weigh_images(targets[held_out], result.val_targets)
    return (
        FineTuningTrial(
            architecture=result.architecture.name,
            epochs=epochs,
            num_train_images=len(train),
            num_held_out_images=len(held),
            head_accuracy=measure_share(head_right, weights).value,
            accuracy=measure_share(is_right, weights).value,
            gain=measure_difference(is_right, head_right, weights),
            started_at_seconds=started_at_seconds,
            used_seconds=now() - began,
        ),
        cost,
    )


def divide(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions of four fifths of each class, and of the rest; both int64, ascending.

    The only image of a class is trained on.
    """
    random = torch.Generator().manual_seed(derive_seed("fine-tuning trial"))
    held: list[int] = []
    for target in sorted(set(targets.tolist())):
        positions = (targets == target).nonzero()[:, 0].cpu()
        if len(positions) > 1:
            shuffled = positions[torch.randperm(len(positions), generator=random)]
            held += shuffled[: max(round(HELD_OUT_SHARE * len(positions)), 1)].tolist()
    is_held = torch.zeros(len(targets), dtype=torch.bool)
    is_held[held] = True
    positions = torch.arange(len(targets))
    device = targets.device
    return positions[~is_held].to(device), positions[is_held].to(device)


def _train(  # noqa: PLR0913, PLR0917 -- each is one thing the caller knows
    context: TrainingContext,
    images: ImageFeed,
    learner: Learner,
    result: CandidateResult,
    should_stop: Callable[[], bool],
    on_step: OnStep,
) -> Tensor | None:
    """Train, and return for each held-out image whether it is right: bool [num_images]."""
    recipe = context.recipe
    last_epoch = 0
    try:
        for epoch in fit(
            recipe,
            learner,
            images,
            layers=list_by_depth(learner.model, result.architecture),
            should_stop=should_stop,
            on_step=on_step,
        ):
            last_epoch = epoch.epoch
    except Diverged:
        return None
    if last_epoch < recipe.epochs:
        return None
    held = images.splits.val
    with learner.evaluated() as model:
        scores = predict_scores(
            model, images.eval_batches(held), precision=learner.precision, device=learner.device
        )
    targets = torch.tensor([sample.target for sample in held])
    return (scores.argmax(1) == targets).to(learner.device)
