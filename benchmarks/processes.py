"""Run processes, and measure their memory and the time of each line that they write."""

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
_SAMPLE_SECONDS = 0.1
_SAMPLES_PER_PSS_READING = 10
"""Samples from one reading of proportional shares to the next; a reading takes 10 ms a process."""


def environment_for(policy: OmpPolicy) -> dict[str, str]:
    """Build the environment of a process with an OpenMP wait policy and without network access.

    With default, the OpenMP library decides and waiting threads spin. With passive, they sleep.
    """
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    return environment | ({"OMP_WAIT_POLICY": "PASSIVE"} if policy == "passive" else {})


@dataclass(frozen=True)
class Line:
    """A JSON object that a process wrote, and the seconds from the process start until then."""

    seconds: float
    content: dict[str, Any]


@dataclass(frozen=True)
class FinishedProcess:
    """The output of a process that succeeded; peak_mib as in MemoryWatch."""

    lines: list[Line]
    seconds: float
    peak_mib: float


class ProcessFailed(Exception):
    """A measured process failed; the message ends with the last lines of its log."""


def run_measured(
    command: list[str], environment: Mapping[str, str], log: Path, *, stdin: str = ""
) -> FinishedProcess:
    """Run a process that writes JSON lines, with its standard error in the log.

    Standard input stays open until the process ends. Raises ProcessFailed.
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
        raise ProcessFailed(
            f"the process exited with {code}; its log ends with:\n" + "\n".join(tail)
        )
    return FinishedProcess(lines, seconds, memory.peak_mib)


class MemoryWatch:
    """Measure the peak memory of a process and its descendants during the block.

    The peak is the largest sum of proportional shares (PSS), which is read once a second. It is at
    least the high-water mark of each process, which is read ten times a second.
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
        samples = 0
        while not self._ended.is_set():
            with suppress(psutil.Error, OSError):
                tree = [self._root, *self._root.children(recursive=True)]
                sizes = [read_kib(process.pid, "status", "VmHWM") for process in tree]
                if samples % _SAMPLES_PER_PSS_READING == 0:
                    sizes.append(
                        sum(read_kib(process.pid, "smaps_rollup", "Pss") for process in tree)
                    )
                self.peak_mib = max(self.peak_mib, max(sizes) * 1024 / _MIB)
            samples += 1
            self._ended.wait(_SAMPLE_SECONDS)


def read_kib(pid: int, file: str, field: str) -> int:
    """Read a field of /proc in KiB; return 0 for a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
    return 0
