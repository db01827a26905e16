"""A further process of a training: `python -m worker.training.rank`, started by the first.

It does what rank 0 does with its share of every batch, and writes nothing.
"""

from collections import deque

from app.errors import GraftError
from app.storage import LocalStorage
from worker.parent_watchdog import watch_parent
from worker.protocol import Failed, say
from worker.training.artifacts import Artifacts
from worker.training.crew import RankConfig
from worker.training.distributed import Ranks, choose_place, gathered
from worker.training.preparation import prepare
from worker.training.progress import ProgressReporter
from worker.training.run import list_epochs, naming_out_of_memory, open_loader


def follow(config: RankConfig) -> None:
    """Train beside rank 0 until the last epoch. Raises GraftError as `run` does."""
    training = config.training
    recipe = training.recipe
    ranks = Ranks(config.rank, config.of)
    device = choose_place(training.device, ranks)
    storage = LocalStorage(training.storage_dir)
    progress = ProgressReporter(lambda _: None, recipe.epochs)
    with naming_out_of_memory(training, device), open_loader(recipe, device, ranks) as loader:
        bench = prepare(training, storage, loader, device, progress, ranks)
        artifacts = Artifacts(training.key_prefix, storage, bench.header, bench.model)
        state = artifacts.resume(training.resume, bench.learner) if training.resume else None
        with gathered(ranks, config.meeting_file, device):
            bench.learner.agree()
            epochs = list_epochs(training, bench, state, progress, should_stop=lambda: False)
            deque(epochs, maxlen=0)


def main() -> None:
    """Follow as told; a failure that has a name is said, any other ends with a trace."""
    lifeline = watch_parent()
    try:
        follow(RankConfig.model_validate_json(lifeline.configuration))
    except GraftError as error:
        say(Failed(code=error.code, message=error.message))


if __name__ == "__main__":
    main()
