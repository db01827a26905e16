"""The other processes of a training, started and watched by its first."""

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
from worker.protocol import Failed, parse_line, say
from worker.training.config import TrainingConfig

_SILENCE_SECONDS = 1e8
"""Ranks are not spoken to; that rank 0 is gone they notice by the end of their input."""

_GRACE_SECONDS = 3.0
"""For rank 0 to fail by itself at what made another rank fail, before it is ended."""

CRASHED_EXIT_CODE = 70
"""Exit status of rank 0 where another rank crashed (EX_SOFTWARE of sysexits.h)."""

log = logging.getLogger(__name__)


class RankConfig(BaseModel):
    """What `python -m worker.training.rank` is sent: which process of which training it is."""

    model_config = ConfigDict(frozen=True)

    training: TrainingConfig
    rank: int
    of: int
    meeting_file: Path


class Crew:
    """Ranks 1 to num_processes - 1, of this process's group; none of them outlives the block.

    They start at once, so that they load their libraries while rank 0 prepares, and go on when they
    are sent their configuration. If one of them fails, this process ends: with the reason, where it
    named one, as its last message. It may be waiting for that rank inside a library and could not
    be told otherwise.
    """

    def __init__(self, num_processes: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="graft-ranks-")
        self.meeting_file = Path(self._folder.name) / "meeting"
        self._closing = threading.Event()
        self._processes = [_start() for _ in range(1, num_processes)]
        self._watchers = [
            threading.Thread(target=self._watch, args=(process,), name="rank", daemon=True)
            for process in self._processes
        ]
        for watcher in self._watchers:
            watcher.start()

    def __enter__(self) -> Self:
        return self

    def begin(self, training: TrainingConfig) -> None:
        """Send the ranks what they are to do."""
        of = len(self._processes) + 1
        for rank, process in enumerate(self._processes, 1):
            config = RankConfig(training=training, rank=rank, of=of, meeting_file=self.meeting_file)
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
            # It may be another rank's failure as a library puts it: that rank's watcher knows.
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
                    break  # its end may take longer than rank 0 waits for the reason
        if failure is not None:
            if not self._closing.wait(_GRACE_SECONDS):
                say(failure)
                os._exit(0)
            return
        code = process.wait()
        if code != 0 and not self._closing.is_set():
            log.error("a process of this training ended with %s", code)
            os._exit(CRASHED_EXIT_CODE)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "worker.training.rank"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
