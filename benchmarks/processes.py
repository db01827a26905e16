"""Processes that are measured: their lines with the time each came, and the memory they took."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psutil

OmpPolicy = Literal["default", "passive"]

_MIB = 1024 * 1024
_LOOK_SECONDS = 0.1
_SHARES_EVERY = 10
"""Looks between two that read every process's share of the memory, which costs it 10 ms each."""


def environment_for(policy: OmpPolicy) -> dict[str, str]:
    """This process's environment with one OpenMP wait policy, and no look at the network.

    default is that of the OpenMP library: waiting threads spin. passive lets them sleep.
    """
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    return environment | ({"OMP_WAIT_POLICY": "PASSIVE"} if policy == "passive" else {})


@dataclass(frozen=True)
class Line:
    """A JSON object that a process wrote, and the seconds from its start until then."""

    seconds: float
    content: dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A process that has ended well; peak_mib as in MemoryWatch."""

    lines: list[Line]
    seconds: float
    peak_mib: float


class ProcessFailed(Exception):
    """A measured process ended with an error; the message ends with its log's last lines."""


def run_measured(
    command: list[str], environment: Mapping[str, str], log: Path, *, stdin: str = ""
) -> Finished:
    """Run a process that writes JSON lines; its standard error goes to the log.

    Standard input stays open to the end. Raises ProcessFailed.
    """
    started = time.perf_counter()
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
        ) as process,
        MemoryWatch(process.pid) as memory,
    ):
        assert process.stdin is not None  # noqa: S101 - opened as pipes above
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(stdin)
        process.stdin.flush()
        lines = [Line(time.perf_counter() - started, json.loads(line)) for line in process.stdout]
        code = process.wait()
        seconds = time.perf_counter() - started
    if code != 0:
        tail = log.read_text(errors="replace").splitlines()[-8:]
        raise ProcessFailed(f"exit {code}: " + "\n".join(tail))
    return Finished(lines, seconds, memory.peak_mib)


class MemoryWatch:
    """The most memory that a process and its descendants held at once, while the block lasts.

    Proportional shares (pages that processes share count once), summed over the tree each second;
    at least the high-water mark of each single process, which is read ten times a second.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mib = 0.0
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        looks = 0
        while not self._ended.is_set():
            with suppress(psutil.Error, OSError):
                tree = [self._root, *self._root.children(recursive=True)]
                sizes = [read_kib(process.pid, "status", "VmHWM") for process in tree]
                if looks % _SHARES_EVERY == 0:
                    sizes.append(
                        sum(read_kib(process.pid, "smaps_rollup", "Pss") for process in tree)
                    )
                self.peak_mib = max(self.peak_mib, max(sizes) * 1024 / _MIB)
            looks += 1
            self._ended.wait(_LOOK_SECONDS)


def read_kib(pid: int, file: str, field: str) -> int:
    """Read a field of /proc in KiB; 0 for a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
    return 0
