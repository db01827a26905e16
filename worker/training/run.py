"""Train a job, from its configuration to its stored model."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import torch

from app.errors import GpuOutOfMemory
from app.storage import LocalStorage
from worker.protocol import Message, Started
from worker.training.artifacts import Artifacts
from worker.training.balance import SolvedHeads
from worker.training.completion import complete
from worker.training.config import TrainingConfig
from worker.training.data import Loader, find_largest_batch
from worker.training.distributed import (
    ProcessGroup,
    choose_process_device,
    count_processes,
    open_process_group,
)
from worker.training.dry_run import StepDryRun
from worker.training.environment import describe_environment
from worker.training.epochs import evaluate_start, run_epochs
from worker.training.feed import list_splits
from worker.training.loop import PassResult
from worker.training.memory import describe_out_of_memory, find_fitting_batch_size
from worker.training.preparation import prepare
from worker.training.progress import ProgressReporter
from worker.training.rank_processes import RankProcesses
from worker.training.recording import EpochRecorder
from worker.training.repeatable import make_repeatable
from worker.training.setup import TrainingContext, TrainingSetup
from worker.training.starting_model import start_model

Send = Callable[[Message], None]


def run(
    config: TrainingConfig,
    *,
    should_stop: Callable[[], bool],
    send: Send,
    solved: SolvedHeads | None = None,
) -> None:
    """Train, report each epoch once it is durable, and store the best epoch as a whole model.

    solved: heads on the frozen backbone's features, where they are known already.
    Raises GraftError for every expected failure.
    """
    group = ProcessGroup(rank=0, world_size=count_processes(config))
    progress = ProgressReporter(send, config.recipe.epochs)
    opened = open_context(config, group, progress, solved)
    with RankProcesses(group.world_size) as ranks, opened as context:
        setup = prepare(context)
        artifacts = Artifacts(config.key_prefix, context.storage, setup.header, setup.model)
        state = artifacts.resume(config.resume, setup.learner) if config.resume else None
        ranks.begin(config)
        with open_process_group(group, ranks.rendezvous_file, context.device):
            setup.learner.broadcast()
            start = evaluate_start(setup, state)
            send(_describe_start(setup, start))
            results = run_epochs(setup, state=state, start=start, should_stop=should_stop)
            recorder = EpochRecorder(setup, artifacts, state, start, send)
            final_state = recorder.record(results)
        send(complete(setup, artifacts, final_state, recorder.solution))


@contextmanager
def open_context(
    config: TrainingConfig,
    group: ProcessGroup,
    progress: ProgressReporter,
    solved: SolvedHeads | None = None,
) -> Iterator[TrainingContext]:
    """Open the context of a training process, and make its results repeatable.

    Raises GpuOutOfMemory, with a batch size that fits, if the device runs out of memory.
    """
    device = choose_process_device(config.device, group)
    num_threads = group.share_threads(config.recipe.num_threads)
    with _explain_out_of_memory(config, device):
        make_repeatable(num_threads)
        if device.index is not None:
            torch.cuda.set_device(device)
        with closing(Loader(num_threads, 1 if device.type == "cpu" else 2)) as loader:
            yield TrainingContext(
                config=config,
                storage=LocalStorage(config.storage_dir),
                loader=loader,
                device=device,
                progress=progress,
                group=group,
                solved=solved,
            )


@contextmanager
def _explain_out_of_memory(config: TrainingConfig, device: torch.device) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        recipe = config.recipe
        model, header = start_model(config, LocalStorage(config.storage_dir))
        dry_run = StepDryRun(model, recipe, num_classes=header.num_classes, device=device)
        num_processes = count_processes(config)
        num_train = len(list_splits(config, LocalStorage(config.storage_dir)).train)

        def try_batch(size: int) -> None:
            dry_run.run(math.ceil(find_largest_batch(num_train, size) / num_processes))

        fitting = find_fitting_batch_size(try_batch, recipe.batch_size)
        raise GpuOutOfMemory(describe_out_of_memory(recipe.batch_size, fitting)) from error


def _describe_start(setup: TrainingSetup, start: PassResult | None) -> Started:
    resolved = setup.resolved
    if start is not None and resolved.head_start is not None:
        validated = {
            "val_accuracy": start.accuracy,
            "val_balanced_accuracy": start.balanced_accuracy,
            "val_loss": start.loss,
        }
        head_start = resolved.head_start.model_copy(update=validated)
        resolved = resolved.model_copy(update={"head_start": head_start})
    return Started(resolved=resolved, environment=describe_environment(setup))
