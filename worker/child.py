"""Start a child process and exchange messages with it."""

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
    """The package to run in a child process, and the configuration line to send to it."""

    module: str
    configuration: str


@dataclass(frozen=True)
class Exited:
    """The child has exited; a negative code is a signal."""

    code: int


class Child:
    """A package's `__main__` in its own process group, killed at the end of the `with` block."""

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
        """Send a line; if the child has exited, `receive` returns Exited."""
        with suppress(BrokenPipeError):
            self._input.write(line + "\n")
            self._input.flush()

    def receive(self, timeout_seconds: float) -> Message | Exited | None:
        """Return the next message; None after the timeout."""
        try:
            return self._messages.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def end(self) -> None:
        """Send SIGTERM, and kill the process group if the child does not exit in time."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.settings.drain_seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process group, including the processes that the child has started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        with suppress(BrokenPipeError):  # the child did not read the last line
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
                    self._signal(signal.SIGKILL)  # a child that sends invalid messages is stopped
        self._messages.put(Exited(self._process.wait()))
