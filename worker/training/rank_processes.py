"""Start and monitor ranks 1 and up of a training, in rank 0."""

import logging
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict

from app.errors import GraftError
from worker.protocol import Failed, parse_line, send
from worker.training.config import TrainingConfig

_SILENCE_SECONDS = 1e8
"""Ranks get no heartbeats; they detect the end of rank 0 by the end of their input."""

_GRACE_SECONDS = 3.0
"""Time after another rank's failure in which rank 0 may itself fail for the same reason."""

CRASHED_EXIT_CODE = 70
"""Exit status of rank 0 where another rank crashed (EX_SOFTWARE of sysexits.h)."""

log = logging.getLogger(__name__)


class RankConfig(BaseModel):
    """The configuration of `python -m worker.training.rank`: a rank of a training."""

    model_config = ConfigDict(frozen=True)

    training: TrainingConfig
    rank: int
    world_size: int
    rendezvous_file: Path


class RankProcesses:
    """Ranks 1 to world_size - 1, in this process's group; they are killed on exit.

    They start at once, load their libraries while rank 0 prepares, and wait for their
    configuration. If one of them fails, this process exits; its last message is the reason, if that
    rank sent one. It has to exit because it may be waiting for that rank inside a library.
    """

    def __init__(self, world_size: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="graft-ranks-")
        self.rendezvous_file = Path(self._folder.name) / "rendezvous"
        self._closing = threading.Event()
        self._processes = [_start() for _ in range(1, world_size)]
        self._watchers = [
            threading.Thread(target=self._watch, args=(process,), name="rank", daemon=True)
            for process in self._processes
        ]
        for watcher in self._watchers:
            watcher.start()

    def __enter__(self) -> Self:
        return self

    def begin(self, training: TrainingConfig) -> None:
        """Send the ranks their configuration."""
        world_size = len(self._processes) + 1
        for rank, process in enumerate(self._processes, 1):
            config = RankConfig(
                training=training,
                rank=rank,
                world_size=world_size,
                rendezvous_file=self.rendezvous_file,
            )
            assert process.stdin is not None  # noqa: S101 -- opened as a pipe below
            process.stdin.write(f"{_SILENCE_SECONDS}\n{config.model_dump_json()}\n")
            process.stdin.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, RuntimeError) and not isinstance(error, GraftError):
            # A library may have reported the failure of another rank; its watcher has the reason.
            for watcher in self._watchers:
                watcher.join(2 * _GRACE_SECONDS)
        self._closing.set()
        for process in self._processes:
            process.kill()
            assert process.stdin is not None  # noqa: S101 -- opened as a pipe below
            with suppress(BrokenPipeError):
                process.stdin.close()
        for watcher in self._watchers:
            watcher.join()
        self._folder.cleanup()

    def _watch(self, process: subprocess.Popen[str]) -> None:
        failure: Failed | None = None
        assert process.stdout is not None  # noqa: S101 -- opened as a pipe below
        with process.stdout as lines:
            for line in lines:
                message = parse_line(line)
                if isinstance(message, Failed):
                    failure = message
                    break  # the rank may take longer to end than rank 0 waits for the reason
        if failure is not None:
            if not self._closing.wait(_GRACE_SECONDS):
                send(failure)
                os._exit(0)
            return
        code = process.wait()
        if code != 0 and not self._closing.is_set():
            log.error("a rank process of this training ended with exit status %s", code)
            os._exit(CRASHED_EXIT_CODE)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "worker.training.rank"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
