"""Processes that are started again when they end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.processes.forking import CAN_FORK, Forker
from app.processes.kept import KeptProcess, Running, fork_with, keeping_alive
from tests.servers import wait_until
from tests.unit.processes.test_forking import ENVIRONMENT, TARGETS

SECONDS = 60
"""A limit for tests that would otherwise hang."""

RUN = "import sys; print('running', flush=True); sys.stdin.read()"
IGNORE_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + RUN


class Started:
    """Starts processes, and keeps them for the test."""

    def __init__(self, program: str = RUN) -> None:
        self.program = program
        self.processes: list[subprocess.Popen[bytes]] = []

    def __call__(self, _has_started: threading.Event) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-c", self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.stdout.close()
        stdin = os.dup(process.stdin.fileno())
        process.stdin.close()
        self.processes.append(process)
        return Running(process, stdin)


def test_a_process_that_ends_is_started_again() -> None:
    started, ended = Started(), list[int]()
    kept = KeptProcess("kept", started, ended.append)
    with keeping_alive([kept]):
        kept.start()
        for _ in range(2):
            killed = started.processes[-1]
            killed.kill()
            wait_until(lambda killed=killed: started.processes[-1] is not killed, "the next one")  # type: ignore[misc] # mypy knows no lambda's defaults
        assert started.processes[-1].poll() is None
        assert ended == [process.pid for process in started.processes[:2]]
        assert kept.num_starts == 3
    assert ended == [process.pid for process in started.processes]


def test_processes_end_with_the_block_and_stay_ended() -> None:
    started = [Started(), Started()]
    kept = [KeptProcess(str(number), start) for number, start in enumerate(started)]
    with keeping_alive(kept):
        for one in kept:
            one.start()
    for start in started:
        assert [process.returncode for process in start.processes] == [-signal.SIGTERM]


def test_a_process_that_was_never_started_does_not_stop_the_others_from_ending() -> None:
    started = Started()
    first, second = KeptProcess("first", Started()), KeptProcess("second", started)
    with keeping_alive([first, second]):
        second.start()
    assert [process.returncode for process in started.processes] == [-signal.SIGTERM]


def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    started, ended = Started(IGNORE_SIGTERM), list[int]()
    kept = KeptProcess("kept", started, ended.append)
    kept.start()
    kept.ask_to_end()
    kept.wait_for_end(time.monotonic() + 0.2)
    assert [process.returncode for process in started.processes] == [-signal.SIGKILL]
    assert ended == [started.processes[0].pid]


@pytest.fixture
def forker() -> Iterator[Forker]:
    if not CAN_FORK:
        pytest.skip("a fork is safe on Linux alone")
    with closing(Forker(ENVIRONMENT)) as forker:
        yield forker


def test_has_started_is_set_by_the_process(forker: Forker) -> None:
    def start(has_started: threading.Event) -> Running:
        return fork_with(forker, f"{TARGETS}:report_start", {"some": "config"}, [], has_started)

    kept = KeptProcess("kept", start)
    with keeping_alive([kept]):
        kept.start()
        assert kept.has_started.wait(SECONDS)
        assert kept.num_starts == 1


def test_has_started_is_not_set_by_a_process_that_ends_first(forker: Forker) -> None:
    has_started = threading.Event()
    running = fork_with(forker, f"{TARGETS}:end_without_report", {}, [], has_started)
    assert running.process.wait(SECONDS) == 0
    for thread in threading.enumerate():
        if thread.name == "start":
            thread.join(SECONDS)
    assert not has_started.is_set()
