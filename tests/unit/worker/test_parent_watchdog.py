"""Exit of a child process when its supervisor exits or is silent."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from worker.parent_watchdog import GONE_EXIT_CODE

CHILD = """
import os, sys, time
from worker.parent_watchdog import watch_parent
watchdog = watch_parent()
os.write(1, b"a library prints\\n")
print("configured as", watchdog.configuration.strip(), flush=True)
watchdog.stop_requested.wait()
print("stopped", flush=True)
time.sleep(60)
"""


@contextmanager
def running_child(folder: Path, silence_seconds: float) -> Iterator["subprocess.Popen[str]"]:
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as child,
    ):
        send(child, f"{silence_seconds}\n{{}}\n")
        yield child
        child.kill()


def send(child: "subprocess.Popen[str]", text: str) -> None:
    assert child.stdin is not None
    child.stdin.write(text)
    child.stdin.flush()


def receive(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline()


def test_only_messages_reach_the_supervisor(tmp_path: Path) -> None:
    with running_child(tmp_path, 30) as child:
        assert receive(child) == "configured as {}\n"
    assert (tmp_path / "log").read_text() == "a library prints\n"


def test_a_child_receives_the_request_to_stop(tmp_path: Path) -> None:
    with running_child(tmp_path, 30) as child:
        receive(child)
        send(child, "alive\nsto")
        send(child, "p\n")
        assert receive(child) == "stopped\n"


@pytest.mark.parametrize("goes_silent", [True, False])
def test_a_child_exits_when_its_supervisor_exits_or_is_silent(
    tmp_path: Path, *, goes_silent: bool
) -> None:
    with running_child(tmp_path, 0.3 if goes_silent else 30) as child:
        receive(child)
        if not goes_silent:
            assert child.stdin is not None
            child.stdin.close()
        assert child.wait(20) == GONE_EXIT_CODE
