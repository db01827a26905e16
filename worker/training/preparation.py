"""Prepares a training: model, images, solved head, activations and learner."""

from dataclasses import replace

import torch
from torch import nn

from app.jobs.schemas import ResolvedHeadStart, ResolvedTraining
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.features import set_head
from app.ml.recipe import Lbfgs
from app.ml.runtime.device import move_to_device
from app.ml.runtime.precision import ResolvedPrecision, choose_precision
from worker.training.balance import Balance, choose_balance, solve_heads
from worker.training.batch_norm import share_statistics
from worker.training.feed import ImageFeed, list_splits, open_feed
from worker.training.frozen import (
    ActivationFeed,
    SplitModel,
    extract_backbone,
    run_once,
    split_model,
)
from worker.training.frozen_engine import FrozenEngine, speed_up
from worker.training.head import Solution
from worker.training.learner import Average, Learner
from worker.training.objective import Objective, make_objective
from worker.training.optim import list_by_depth, make_optimizer
from worker.training.resident import count_resident_bytes, keep_on_device
from worker.training.setup import TrainingContext, TrainingSetup
from worker.training.starting_model import start_model

_PROBE = Lbfgs()
"""Settings of the linear probe that initialises a head."""


def prepare(context: TrainingContext) -> TrainingSetup:
    """Build the setup of a training; run its frozen layers if they run only once.

    In a process group, rank 0 solves for the head that it broadcasts later.
    Raises what `list_splits`, `start_model` and `split_model` raise.
    """
    config, recipe, device = context.config, context.recipe, context.device
    group, progress = context.group, context.progress
    architecture = get_architecture(recipe.architecture)
    precision = choose_precision(recipe.precision, device)
    splits = list_splits(config, context.storage)
    model, header = start_model(config, context.storage)
    if not group.is_single and recipe.batch_norm == "train":
        model = share_statistics(model, device)
    move_to_device(model, device)
    on_image = progress.prepare("decoding images", len(splits.train) + len(splits.val))
    images, is_cached = open_feed(
        config,
        splits,
        header.preprocessing,
        loader=context.loader,
        device=device,
        on_image=lambda: on_image(1),
    )
    is_resident = False
    if device.type == "cuda":
        images, is_resident = keep_on_device(images, count_resident_bytes(device))
    solution, balance = None, context.solved.balance if context.solved else None
    engine: FrozenEngine | None = None
    if recipe.head_start == "linear_probe" and group.rank == 0:
        solution, balance, engine = _solve_head(context, images, model, architecture, precision)
        set_head(model, architecture, solution.head.weight, solution.head.bias)
    trained, feed = model, images if group.is_single else replace(images, group=group)
    if recipe.cached_views is not None:
        split = split_model(model, architecture, recipe)
        trained = split.trainable
        activations, engine = _run_frozen_part(
            context, images, split, precision, recipe.cached_views
        )
        if (
            balance is None
            and recipe.class_balance == "auto"
            and isinstance(recipe.optimizer, Lbfgs)
        ):
            balance = choose_balance(
                activations.views[0],
                activations.train_targets,
                num_classes=images.num_classes,
                l2_strengths=recipe.optimizer.l2_strengths,
                folds=recipe.optimizer.folds,
            )
    else:
        activations = None
    if recipe.compile:
        trained.compile()
    objective = _make_objective(context, images, balance)
    learner = make_learner(context, objective, model, trained, precision)
    return TrainingSetup(
        context=context,
        architecture=architecture,
        model=model,
        header=header,
        splits=splits,
        images=images,
        feed=activations or feed,
        learner=learner,
        layers=list_by_depth(model, architecture),
        head_start=solution,
        balance=balance,
        resolved=ResolvedTraining(
            device=device.type,
            num_parameters=sum(p.numel() for p in model.parameters()),
            num_trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
            num_train_images=len(splits.train),
            num_val_images=len(splits.val),
            steps_per_epoch=(activations or feed).num_train_batches,
            precision=precision,
            images_cached=is_cached,
            images_on="device" if is_resident else "host",
            num_processes=group.world_size,
            head_start=solution
            and ResolvedHeadStart(
                l2_strength=solution.l2_strength, cv_accuracy=solution.cv_accuracy
            ),
            class_balance=balance and balance.resolved,
            frozen_engine=engine,
        ),
    )


def _solve_head(
    context: TrainingContext,
    images: ImageFeed,
    model: nn.Module,
    architecture: ArchitectureSpec,
    precision: ResolvedPrecision,
) -> tuple[Solution, Balance | None, FrozenEngine | None]:
    """Fit a linear probe before anything else is trained (Kumar et al., 2022).

    With `class_balance: auto` it is the better of two, with and without class weights.
    """
    if context.solved is not None:
        return context.solved.balance.best, context.solved.balance, None
    train = images.splits.train
    backbone, engine = speed_up(
        extract_backbone(model, architecture),
        context,
        images.spec.input_size,
        precision=precision,
        num_images=len(train),
    )
    features, targets = run_once(
        backbone,
        images,
        train,
        images.read_plain,
        precision=precision,
        on_batch=context.progress.prepare("fitting the head", len(train)),
    )
    balance = solve_heads(
        context.recipe.class_balance,
        features,
        targets,
        num_classes=images.num_classes,
        l2_strengths=_PROBE.l2_strengths,
        folds=_PROBE.folds,
    )
    return balance.best, balance if balance.resolved else None, engine


def _run_frozen_part(
    context: TrainingContext,
    images: ImageFeed,
    split: SplitModel,
    precision: ResolvedPrecision,
    num_views: int,
) -> tuple[ActivationFeed, FrozenEngine]:
    train, val = images.splits.train, images.splits.val
    solved = context.solved
    num_images = (0 if solved else num_views * len(train)) + len(val)
    frozen, engine = speed_up(
        split.frozen,
        context,
        images.spec.input_size,
        precision=precision,
        num_images=num_images,
    )
    on_batch = context.progress.prepare("running the frozen layers", num_images)
    views = (
        [(solved.features, solved.targets)]
        if solved
        else [
            run_once(
                frozen,
                images,
                train,
                images.make_train_reader(view),
                precision=precision,
                on_batch=on_batch,
            )
            for view in range(1, num_views + 1)
        ]
    )
    val_activations, val_targets = run_once(
        frozen, images, val, images.read_plain, precision=precision, on_batch=on_batch
    )
    feed = ActivationFeed(
        recipe=context.recipe,
        views=[activations for activations, _ in views],
        train_targets=views[0][1],
        val=val_activations,
        val_targets=val_targets,
    )
    return feed, engine


def _make_objective(
    context: TrainingContext, images: ImageFeed, balance: Balance | None
) -> Objective:
    """Build the training loss.

    With several processes, rank 0 decides on class weights and broadcasts them later, so all of
    them begin with weights of 1.
    """
    recipe = context.recipe
    weights = balance.class_weights if balance else None
    if weights is None and recipe.class_balance == "auto" and not context.group.is_single:
        weights = torch.ones(images.num_classes, device=context.device)
    return make_objective(
        recipe, images.splits.train, images.num_classes, context.device, chosen_weights=weights
    )


def make_learner(
    context: TrainingContext,
    objective: Objective,
    model: nn.Module,
    trained: nn.Module,
    precision: ResolvedPrecision,
) -> Learner:
    """Build the learner of a whole network, or of its trainable part."""
    recipe = context.recipe
    architecture = get_architecture(recipe.architecture)
    is_solved_for = isinstance(recipe.optimizer, Lbfgs)
    return Learner(
        model=trained,
        optimizer=None if is_solved_for else make_optimizer(model, recipe, architecture),
        objective=objective,
        device=context.device,
        precision=precision,
        batch_norm=recipe.batch_norm,
        clip_norm=recipe.clip_norm,
        accumulate=recipe.accumulate,
        average=Average(model, recipe.ema) if recipe.ema else None,
        group=context.group,
    )
