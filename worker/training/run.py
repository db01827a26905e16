"""A job from its configuration to its stored model."""

from collections.abc import Callable
from contextlib import closing

import torch

from app.errors import GpuOutOfMemory
from app.ml import catalogue
from app.ml.checkpoint import CheckpointHeader
from app.ml.device import choose_device
from app.storage import LocalStorage
from worker.protocol import EpochRow, EpochsDone, Message, Started
from worker.training.artifacts import Artifacts
from worker.training.config import TrainingConfig
from worker.training.data import Loader
from worker.training.environment import describe_environment
from worker.training.feed import ImageFeed, open_feed
from worker.training.fit import fit
from worker.training.optim import make_optimizer
from worker.training.progress import ProgressReporter
from worker.training.repeatable import make_repeatable
from worker.training.starting_model import start_model

Say = Callable[[Message], None]


def run(config: TrainingConfig, *, should_stop: Callable[[], bool], say: Say) -> None:
    """Train, telling each epoch once it is durable, and store the best epoch as a whole model.

    Raises GraftError for every failure that has a name.
    """
    recipe = config.recipe
    device = choose_device(config.device)
    make_repeatable(recipe.num_threads)
    storage = LocalStorage(config.storage_dir)
    try:
        with closing(Loader(recipe.num_threads)) as loader:
            model, header = start_model(config, storage)
            model.to(device)
            feed = open_feed(config, storage, header.preprocessing, loader, device)
            artifacts = Artifacts(config.key_prefix, storage, header, model)
            say(_describe_start(config, device, header, feed))
            _train(config, feed, artifacts, should_stop, say)
    except torch.OutOfMemoryError as error:
        raise GpuOutOfMemory(
            f"A batch of {recipe.batch_size} does not fit the GPU's memory; "
            f"try {max(recipe.batch_size // 2, 1)}."
        ) from error


def _train(
    config: TrainingConfig,
    feed: ImageFeed,
    artifacts: Artifacts,
    should_stop: Callable[[], bool],
    say: Say,
) -> None:
    recipe = config.recipe
    optimizer = make_optimizer(artifacts.model, recipe.optimizer)
    state = artifacts.resume(config.resume, optimizer) if config.resume else None
    last_epoch = state.epoch if state else 0
    num_images = len(feed.train) + len(feed.val)
    progress = ProgressReporter(
        say,
        epochs=recipe.epochs,
        steps=feed.num_train_batches + feed.num_val_batches,
        num_images=num_images,
        last_epoch=last_epoch,
    )
    for result in fit(
        recipe,
        artifacts.model,
        optimizer,
        feed,
        last_epoch=last_epoch,
        best=state.best if state else None,
        should_stop=should_stop,
        on_step=progress.on_step,
    ):
        state_key, state = artifacts.keep(result, optimizer, state)
        say(
            EpochsDone(
                rows=[
                    EpochRow(
                        epoch=result.epoch,
                        train_loss=result.train.loss,
                        train_accuracy=result.train.accuracy,
                        val_loss=result.val.loss,
                        val_accuracy=result.val.accuracy,
                        learning_rate=result.learning_rate,
                        seconds=result.seconds,
                        images_per_second=num_images / result.seconds,
                        is_best=result.is_best,
                    )
                ],
                state_key=state_key,
                best_key=state.best_key,
            )
        )
    if state is None:
        raise AssertionError("a recipe has at least one epoch")
    say(artifacts.complete(state))


def _describe_start(
    config: TrainingConfig, device: torch.device, header: CheckpointHeader, feed: ImageFeed
) -> Started:
    recipe = config.recipe
    entry = catalogue.get_entry(recipe.architecture)
    return Started(
        resolved={
            "device": device.type,
            "num_parameters": catalogue.num_parameters(entry, header.num_classes),
            "num_trainable_parameters": catalogue.num_trainable_parameters(
                entry, recipe.strategy, recipe.trainable_from, header.num_classes
            ),
            "num_train_images": len(feed.train),
            "num_val_images": len(feed.val),
            "steps_per_epoch": feed.num_train_batches,
        },
        environment=describe_environment(config, device, header.weights),
    )
