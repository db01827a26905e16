"""Whole jobs in the test's process and their messages, and models without a training."""

from collections.abc import Callable, Sequence

import pytest

from app.ml.models import checkpoint
from app.ml.models.checkpoint import Checkpoint
from app.storage import LocalStorage
from worker.protocol import EpochRow, EpochsDone, Message, Started, Trained
from worker.training.config import TrainingConfig
from worker.training.run import run
from worker.training.starting_model import start_model


def train(config: TrainingConfig, should_stop: Callable[[], bool] = lambda: False) -> list[Message]:
    said: list[Message] = []
    run(config, should_stop=should_stop, send=said.append)
    return said


def checkpoints_of(said: list[Message]) -> list[EpochsDone]:
    return [message for message in said if isinstance(message, EpochsDone)]


def epochs_of(said: list[Message]) -> list[EpochRow]:
    return [row for message in checkpoints_of(said) for row in message.rows]


def history_of(said: list[Message]) -> list[dict[str, object]]:
    """Return the part of the history that must be bit-identical in a repeated run."""
    timed = {"seconds", "images_per_second"}
    return [row.model_dump(exclude=timed) for row in epochs_of(said)]


def started(said: list[Message]) -> Started:
    (message,) = (message for message in said if isinstance(message, Started))
    return message


def trained(said: list[Message]) -> Trained:
    assert isinstance(said[-1], Trained)
    return said[-1]


def interrupted(config: TrainingConfig, num_messages: int) -> list[Message]:
    """Return the messages of a job that is interrupted after num_messages checkpoints."""
    said: list[Message] = []

    def send(message: Message) -> None:
        said.append(message)
        if len(checkpoints_of(said)) == num_messages:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, should_stop=lambda: False, send=send)
    return said


def store_untrained(
    storage: LocalStorage,
    config: TrainingConfig,
    *,
    mean: tuple[float, float, float] | None = None,
    class_names: Sequence[str] = (),
) -> tuple[str, Checkpoint]:
    """Store the model that a training would start from; return its key and its checkpoint.

    mean is a normalisation of its own; class_names replace those of the configuration.
    """
    model, header = start_model(config, storage)
    changes: dict[str, object] = {}
    if mean is not None:
        changes["preprocessing"] = header.preprocessing.model_copy(update={"mean": mean})
    if class_names:
        changes["class_names"] = tuple(class_names)
    stored = Checkpoint(header.model_copy(update=changes), model.state_dict())
    key = "jobs/untrained/1/model.safetensors"
    checkpoint.save(storage, key, stored)
    return key, stored
