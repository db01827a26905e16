"""A job from its configuration to its stored model."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import torch
from torch import Tensor

from app.errors import GpuOutOfMemory
from app.ml.models import catalogue, checkpoint
from app.ml.recipe import Lbfgs, Recipe
from app.storage import LocalStorage
from worker.protocol import EpochRow, EpochsDone, Message, Started, Trained
from worker.training.artifacts import Artifacts
from worker.training.config import TrainingConfig
from worker.training.crew import Crew
from worker.training.data import Loader
from worker.training.distributed import Ranks, choose_place, count_processes, gathered
from worker.training.environment import describe_environment
from worker.training.evaluation.evaluate import evaluate
from worker.training.evaluation.scored import Scored
from worker.training.fit import EpochResult, fit
from worker.training.frozen import ActivationFeed
from worker.training.loop import predict_scores
from worker.training.memory import describe_out_of_memory, find_fitting_batch_size
from worker.training.preparation import Bench, prepare
from worker.training.progress import ProgressReporter
from worker.training.rehearsal import Rehearsal
from worker.training.repeatable import make_repeatable
from worker.training.solve import SolvedEpoch, solve
from worker.training.starting_model import start_model
from worker.training.state import TrainerState
from worker.training.trust import measure_trust

Say = Callable[[Message], None]


def run(config: TrainingConfig, *, should_stop: Callable[[], bool], say: Say) -> None:
    """Train, telling each epoch once it is durable, and store the best epoch as a whole model.

    Raises GraftError for every failure that has a name.
    """
    recipe = config.recipe
    ranks = Ranks(0, count_processes(config))
    device = choose_place(config.device, ranks)
    storage = LocalStorage(config.storage_dir)
    progress = ProgressReporter(say, recipe.epochs)
    with (
        Crew(ranks.of) as crew,
        naming_out_of_memory(config, device),
        open_loader(recipe, device, ranks) as loader,
    ):
        bench = prepare(config, storage, loader, device, progress, ranks)
        say(_describe_start(config, bench))
        artifacts = Artifacts(config.key_prefix, storage, bench.header, bench.model)
        state = artifacts.resume(config.resume, bench.learner) if config.resume else None
        crew.begin(config)
        with gathered(ranks, crew.meeting_file, device):
            bench.learner.agree()
            state = _train(config, bench, artifacts, state, progress, should_stop, say)
        bench.go_on_alone()
        say(_complete(config, bench, artifacts, state, progress))


@contextmanager
def naming_out_of_memory(config: TrainingConfig, device: torch.device) -> Iterator[None]:
    """Where the device's memory does not do, find a batch that fits. Raises GpuOutOfMemory."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        recipe = config.recipe
        model, header = start_model(config, LocalStorage(config.storage_dir))
        rehearsal = Rehearsal(model, recipe, num_classes=header.num_classes, device=device)
        num_processes = count_processes(config)
        fitting = find_fitting_batch_size(
            lambda size: rehearsal.run(math.ceil(size / num_processes)), recipe.batch_size
        )
        raise GpuOutOfMemory(describe_out_of_memory(recipe.batch_size, fitting)) from error


@contextmanager
def open_loader(recipe: Recipe, device: torch.device, ranks: Ranks) -> Iterator[Loader]:
    """This process's loader; the numbers that torch computes are the same from now on."""
    num_threads = ranks.divide(recipe.num_threads)
    make_repeatable(num_threads)
    if device.index is not None:
        torch.cuda.set_device(device)
    with closing(Loader(num_threads, 1 if device.type == "cpu" else 2)) as loader:
        yield loader


def _train(  # noqa: PLR0913, PLR0917 -- each is one thing the caller knows
    config: TrainingConfig,
    bench: Bench,
    artifacts: Artifacts,
    state: TrainerState | None,
    progress: ProgressReporter,
    should_stop: Callable[[], bool],
    say: Say,
) -> TrainerState:
    """Run the epochs that are left; the state after the last of them."""
    last_epoch = state.epoch if state else 0
    num_images = len(bench.splits.train) + len(bench.splits.val)
    rows: list[EpochRow] = []
    best_tensors: dict[str, Tensor] | None = None
    kept_at = time.monotonic()
    latest: EpochResult | None = None

    def keep(result: EpochResult) -> TrainerState:
        nonlocal best_tensors, kept_at
        key, kept = artifacts.keep(result.epoch, result.best, best_tensors, bench.learner, state)
        say(EpochsDone(rows=list(rows), state_key=key, best_key=kept.best_key))
        rows.clear()
        best_tensors, kept_at = None, time.monotonic()
        return kept

    for result in list_epochs(config, bench, state, progress, should_stop):
        if isinstance(result, SolvedEpoch) and result.is_best:
            bench.learn_of(result.solution)
        if result.epoch <= last_epoch:
            continue
        if result.is_best:
            with bench.learner.evaluated():
                best_tensors = checkpoint.take_delta(bench.model)
        rows.append(_describe_epoch(result, num_images))
        latest = result
        if time.monotonic() - kept_at >= config.keep_every_seconds:
            state = keep(result)
    if rows and latest is not None:
        state = keep(latest)
    if state is None:
        raise AssertionError("a recipe has at least one epoch")
    return state


def list_epochs(
    config: TrainingConfig,
    bench: Bench,
    state: TrainerState | None,
    progress: ProgressReporter,
    should_stop: Callable[[], bool],
) -> Iterator[EpochResult]:
    """The epochs that are left, as they are trained; every process has to go through them."""
    recipe = config.recipe
    ranks, device = bench.learner.ranks, bench.learner.device
    last_epoch = state.epoch if state else 0
    steps = bench.feed.num_train_batches + bench.feed.num_val_batches
    num_images = len(bench.splits.train) + len(bench.splits.val)
    progress.train(last_epoch=last_epoch, steps=steps, num_images=num_images)
    if isinstance(recipe.optimizer, Lbfgs) and isinstance(bench.feed, ActivationFeed):
        return solve(
            recipe.optimizer,
            bench.feed,
            bench.put_head,
            num_classes=bench.images.num_classes,
            class_weights=bench.learner.objective.class_weights,
            should_stop=should_stop,
            on_step=progress.on_step,
        )
    return fit(
        recipe,
        bench.learner,
        bench.feed,
        layers=bench.layers,
        last_epoch=last_epoch,
        best=state.best if state else None,
        should_stop=lambda: ranks.decide(should_stop(), device),
        on_step=lambda num_images: progress.on_step(num_images * ranks.of),
    )


def _complete(
    config: TrainingConfig,
    bench: Bench,
    artifacts: Artifacts,
    state: TrainerState,
    progress: ProgressReporter,
) -> Trained:
    """Store the best epoch's model with what its confidence is worth, and tell both."""
    key, stored = artifacts.complete(state)
    learner, splits = bench.learner, bench.splits
    learner.average = None
    val = Scored.of(splits.val, predict_scores(learner, bench.feed.val_batches()), splits.paths)
    test = None
    if splits.test:
        learner.model = bench.model
        scores = predict_scores(learner, bench.images.eval_batches(splits.test))
        test = Scored.of(splits.test, scores, splits.paths)
    report = evaluate(config.class_names, val, test=test, out_of_fold=bench.out_of_fold)
    trust_key = artifacts.keep_trust(measure_trust(config.recipe, bench, val, progress))
    return Trained(
        best_epoch=state.best.epoch,
        model_key=key,
        model_digest=stored.digest,
        num_bytes=stored.num_bytes,
        report=report.model_dump(mode="json"),
        trust_key=trust_key,
    )


def _describe_epoch(result: EpochResult, num_images: int) -> EpochRow:
    return EpochRow(
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


def _describe_start(config: TrainingConfig, bench: Bench) -> Started:
    recipe = config.recipe
    entry = bench.entry
    device = bench.learner.device
    return Started(
        resolved={
            "device": device.type,
            "num_parameters": catalogue.num_parameters(entry, bench.header.num_classes),
            "num_trainable_parameters": catalogue.num_trainable_parameters(
                entry, recipe.strategy, recipe.trainable_from, bench.header.num_classes
            ),
            "num_train_images": len(bench.splits.train),
            "num_val_images": len(bench.splits.val),
            "steps_per_epoch": bench.feed.num_train_batches,
            **bench.notes,
        },
        environment=describe_environment(
            config,
            device,
            bench.learner.numbers,
            bench.header.weights,
            bench.learner.ranks.of,
        ),
    )
