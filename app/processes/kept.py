"""Keep processes running: restart them when they exit, stop them at the end."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from app.processes.forking import CAN_FORK, ForkedProcess, Forker, child_environment

log = logging.getLogger(__name__)

STOP_SECONDS = 30.0
RESTART_SECONDS = 1.0


@dataclass(frozen=True)
class Running:
    """A process and the pipe to its standard input; the process exits when the pipe is closed."""

    process: subprocess.Popen[bytes] | ForkedProcess
    stdin: int


class KeptProcess:
    """A process that is restarted when it exits; it exits by itself when this process does.

    has_started is set once the process has reported for the first time that it is ready.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[threading.Event], Running],
        on_end: Callable[[int], None] | None = None,
    ) -> None:
        """`start` is called with has_started, `on_end` with the pid of each exited process."""
        self.name = name
        self.num_starts = 0
        self.has_started = threading.Event()
        self._start = start
        self._on_end = on_end
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name=name, daemon=True)
        self._running: Running | None = None

    def start(self) -> None:
        """Start the process, then restart it in a thread whenever it exits."""
        self._start_once()
        self._thread.start()

    def ask_to_end(self) -> None:
        """Send SIGTERM, and restart the process no more."""
        self._closing.set()
        if self._running is not None:
            self._running.process.terminate()

    def wait_for_end(self, deadline: float) -> None:
        """Wait for the exit; kill the process at the deadline, in monotonic seconds."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive() and self._running is not None:
            log.warning("%s did not exit in time; killing it", self.name)
            self._running.process.kill()
        self._thread.join()

    def _keep_alive(self) -> None:
        while True:
            running = self._running
            assert running is not None  # noqa: S101 - started before this thread, or below
            if self._closing.is_set():
                running.process.terminate()
            code = running.process.wait()
            os.close(running.stdin)
            if self._on_end is not None:
                self._on_end(running.process.pid)
            if not self._closing.is_set():
                log.warning("%s exited with %s; restarting it", self.name, code)
            if self._closing.wait(RESTART_SECONDS):
                return
            self._start_once()

    def _start_once(self) -> None:
        self.num_starts += 1
        self._running = self._start(self.has_started)


@contextmanager
def keeping_alive(processes: Sequence[KeptProcess]) -> Iterator[None]:
    """Stop the processes that have been started, at the end of the block."""
    try:
        yield
    finally:
        started = [process for process in processes if process.num_starts]
        for process in started:
            process.ask_to_end()
        deadline = time.monotonic() + STOP_SECONDS
        for process in started:
            process.wait_for_end(deadline)


@contextmanager
def forking(variables: Mapping[str, str]) -> Iterator[Forker | None]:
    """Open a Forker with the environment of children and these variables, until the block ends.

    Yields None and logs a warning on platforms where forking is not safe.
    """
    if not CAN_FORK:
        log.warning("forking is not safe on this platform: each process imports its modules itself")
        yield None
        return
    forker = Forker({**child_environment(), **variables})
    try:
        yield forker
    finally:
        forker.close()


def fork_with(
    forker: Forker,
    target: str,
    config: Mapping[str, object],
    sockets: Sequence[socket.socket],
    has_started: threading.Event,
) -> Running:
    """Fork a process that runs `module:function`, and send config as JSON to its standard input.

    The function gets the descriptors of the sockets and of a pipe. It writes a byte to the pipe
    when it is ready; then has_started is set.
    """
    reading, writing = os.pipe()
    starting, started = os.pipe()
    try:
        descriptors = [reading, 1, 2, *(one.fileno() for one in sockets), started]
        process = forker.fork(target, descriptors)
    finally:
        os.close(reading)
        os.close(started)

    def await_start() -> None:
        if os.read(starting, 1):
            has_started.set()
        os.close(starting)

    threading.Thread(target=await_start, name="start", daemon=True).start()
    with suppress(BrokenPipeError):
        os.write(writing, json.dumps(config).encode() + b"\n")
    return Running(process, writing)


def spawn(command: Sequence[str], environment: Mapping[str, str]) -> Running:
    """Start a `graft` command in a new process, for platforms where forking is not safe."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "app.cli", *command, "--with-parent"],
        stdin=subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 - by construction
    stdin = os.dup(process.stdin.fileno())
    process.stdin.close()
    return Running(process, stdin)
