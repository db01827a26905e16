"""A child process as its supervisor sees it."""

import os
import queue
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from app.settings import Settings
from worker.protocol import Message, parse_line
from worker.spawning import start_child


@dataclass(frozen=True)
class Command:
    """What to run: a module, and the configuration line it is sent."""

    module: str
    configuration: str


@dataclass(frozen=True)
class Exited:
    """The child is gone; negative codes are signals."""

    code: int


class Child:
    """A package's `__main__` in a process group of its own, ended at the latest with the block."""

    def __init__(self, command: Command, settings: Settings) -> None:
        self.settings = settings
        reading, writing = os.pipe()
        receiving, sending = os.pipe()
        try:
            self._process = start_child(command.module, reading, sending)
        finally:
            os.close(reading)
            os.close(sending)
        self._input = os.fdopen(writing, "w", encoding="utf-8", buffering=1)
        self._messages: queue.Queue[Message | Exited] = queue.Queue()
        self._reader = threading.Thread(
            target=self._read, args=(receiving,), name="child-reader", daemon=True
        )
        self._reader.start()
        self.send(f"{settings.silence_seconds}\n{command.configuration}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def send(self, line: str) -> None:
        """Send a line; `receive` will tell if the child is gone."""
        with suppress(BrokenPipeError):
            self._input.write(line + "\n")
            self._input.flush()

    def receive(self, timeout_seconds: float) -> Message | Exited | None:
        """The next message, or None if none came in time."""
        try:
            return self._messages.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def end(self) -> None:
        """Ask the child to end, and kill its process group if it does not."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.settings.drain_seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process group, so that nothing the child started outlives it."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        with suppress(BrokenPipeError):  # a line that it did not read
            self._input.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self, receiving: int) -> None:
        with os.fdopen(receiving, encoding="utf-8") as lines:
            for line in lines:
                try:
                    self._messages.put(parse_line(line))
                except ValidationError:
                    self._signal(signal.SIGKILL)  # its other messages cannot be trusted either
        self._messages.put(Exited(self._process.wait()))
