"""Whole jobs in the test's process, and what they say."""

from collections.abc import Callable

import pytest

from worker.protocol import EpochRow, EpochsDone, Message, Started, Trained
from worker.training.config import TrainingConfig
from worker.training.run import run


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
