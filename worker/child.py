"""A child process as its supervisor sees it."""

import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from app.settings import Settings
from worker.protocol import Message, parse_line

PASSED_ON = frozenset(
    [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "TORCH_HOME",
        "LD_LIBRARY_PATH",
        "CUDA_DEVICE_ORDER",
        "CUDA_VISIBLE_DEVICES",
    ]
)
"""What a child gets of its parent's environment: nothing that opens the database or the broker."""

_LOOPBACK = "lo" if sys.platform == "linux" else "lo0"

FIXED = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "GLOO_SOCKET_IFNAME": _LOOPBACK,
    "NCCL_SOCKET_IFNAME": _LOOPBACK,
}
"""Threads that wait for each other sleep (OpenMP 4.5, OMP_WAIT_POLICY). Spinning ones steal the
core from those they wait for as soon as there are more threads than cores, and a loader's threads
alone make them more: on a busy machine two threads were then many times slower than one.

cuBLAS multiplies matrices in one order only with a fixed workspace (its manual, section 2.1.4). The
processes of a training speak to each other over the loopback interface alone."""


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
    """`python -m <module>` in a process group of its own, ended at the latest with the block."""

    def __init__(self, command: Command, settings: Settings) -> None:
        self.settings = settings
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", command.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
            text=True,
            bufsize=1,
        )
        self._messages: queue.Queue[Message | Exited] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="child-reader", daemon=True)
        self._reader.start()
        self.say(f"{settings.silence_seconds}\n{command.configuration}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def say(self, line: str) -> None:
        """Send a line; a child that is gone does not hear it, which `hear` will tell."""
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        with suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def hear(self, timeout_seconds: float) -> Message | Exited | None:
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
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        with suppress(BrokenPipeError):  # a line that it did not take
            self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe above
        with self._process.stdout as lines:
            for line in lines:
                try:
                    self._messages.put(parse_line(line))
                except ValidationError:
                    self._signal(signal.SIGKILL)  # what cannot be understood cannot be trusted
        self._messages.put(Exited(self._process.wait()))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in PASSED_ON} | FIXED
