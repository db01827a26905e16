"""Run a rank other than 0 of a training: `python -m worker.training.rank`, started by rank 0.

It trains on its part of every batch, and writes no files.
"""

from collections import deque

from app.errors import GraftError
from worker.parent_watchdog import watch_parent
from worker.protocol import Failed, send
from worker.training.artifacts import Artifacts
from worker.training.distributed import ProcessGroup, open_process_group
from worker.training.epochs import evaluate_start, run_epochs
from worker.training.preparation import prepare
from worker.training.progress import ProgressReporter
from worker.training.rank_processes import RankConfig
from worker.training.run import open_context


def train_beside(config: RankConfig) -> None:
    """Train together with rank 0 until the last epoch. Raises GraftError as `run` does."""
    training = config.training
    group = ProcessGroup(config.rank, config.world_size)
    progress = ProgressReporter(lambda _: None, training.recipe.epochs)
    with open_context(training, group, progress) as context:
        setup = prepare(context)
        artifacts = Artifacts(training.key_prefix, context.storage, setup.header, setup.model)
        state = artifacts.resume(training.resume, setup.learner) if training.resume else None
        with open_process_group(group, config.rendezvous_file, context.device):
            setup.learner.broadcast()
            start = evaluate_start(setup, state)
            epochs = run_epochs(setup, state=state, start=start, should_stop=lambda: False)
            deque(epochs, maxlen=0)


def main() -> None:
    """Train as configured; report a GraftError, end with a traceback otherwise."""
    watchdog = watch_parent()
    try:
        train_beside(RankConfig.model_validate_json(watchdog.configuration))
    except GraftError as error:
        send(Failed(code=error.code, message=error.message))


if __name__ == "__main__":
    main()
