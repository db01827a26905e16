"""Processes forked from a real fork server."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.processes.forking import (
    CAN_FORK,
    FIXED,
    LOST_EXIT_CODE,
    ForkedProcess,
    Forker,
    ForkServer,
    ForkServerGoneError,
    child_environment,
)

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="a fork is safe on Linux alone")

TARGETS = "tests.unit.processes.targets"
REPOSITORY = Path(__file__).parents[3]
ENVIRONMENT = {**child_environment(), "PYTHONPATH": str(REPOSITORY)}
SECONDS = 60
"""A limit for tests that would otherwise hang."""


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with closing(ForkServer.start(ENVIRONMENT)) as server:
        yield server


class Forked:
    """A process forked by a server, with pipes as its standard input and output."""

    def __init__(self, server: ForkServer | Forker, function: str) -> None:
        child_input, self.stdin = os.pipe()
        self.stdout, child_output = os.pipe()
        try:
            descriptors = [child_input, child_output, 2]
            self.process: ForkedProcess = server.fork(f"{TARGETS}:{function}", descriptors)
        finally:
            os.close(child_input)
            os.close(child_output)

    def finish(self, given: bytes = b"") -> bytes:
        """Write to standard input, close it, and return all of standard output."""
        os.write(self.stdin, given)
        os.close(self.stdin)
        with os.fdopen(self.stdout, "rb") as output:
            return output.read()


def report(server: ForkServer | Forker) -> dict[str, Any]:
    reported: dict[str, Any] = json.loads(Forked(server, "report").finish())
    return reported


def has_ended(forked: Forked) -> bool:
    """Wait for the end of a process's standard output, which only its own end closes."""
    while select.select([forked.stdout], [], [], SECONDS)[0]:
        if not os.read(forked.stdout, 4096):
            return True
    return False


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("succeed", 0),
        ("fail", 1),
        ("exit_with_7", 7),
        ("exit_with_message", 1),
        ("exit_with_nothing", 0),
        ("kill_itself", -signal.SIGKILL),
        ("missing", 1),
    ],
)
def test_the_exit_status_is_that_of_a_process(server: ForkServer, function: str, code: int) -> None:
    forked = Forked(server, function)
    forked.finish()
    assert forked.process.wait(SECONDS) == code
    assert forked.process.poll() == code


def test_a_process_can_be_terminated_and_killed(server: ForkServer) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        forked = Forked(server, "run_until_input_ends")
        assert os.read(forked.stdout, 8) == b"running\n"
        assert forked.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            forked.process.wait(0.01)
        (forked.process.terminate if number == signal.SIGTERM else forked.process.kill)()
        assert forked.process.wait(SECONDS) == -number
        forked.finish()


def test_standard_streams_are_the_descriptors_given(server: ForkServer) -> None:
    assert Forked(server, "copy_input").finish(b"some text") == b"some text"


def test_the_function_is_given_the_further_descriptors_in_order(server: ForkServer) -> None:
    pipes = [os.pipe() for _ in range(3)]
    process = server.fork(f"{TARGETS}:write_to", [0, 1, 2, *(writing for _, writing in pipes)])
    assert process.wait(SECONDS) == 0
    for position, (reading, writing) in enumerate(pipes):
        os.close(writing)
        with os.fdopen(reading, "rb") as output:
            assert output.read() == str(position).encode()


def test_every_process_leads_its_own_group(server: ForkServer) -> None:
    reported = report(server)
    assert reported["group"] == reported["pid"] != os.getpgid(0)


def test_processes_have_what_the_server_has_preloaded() -> None:
    with closing(ForkServer.start(ENVIRONMENT)) as server:
        assert "colorsys" not in report(server)["modules"]
        server.preload("colorsys", f"{TARGETS}:preload")
        reported = report(server)
    assert "colorsys" in reported["modules"]
    assert reported["preloads"] == [reported["server"]]


def test_preloading_a_missing_module_raises_import_error(server: ForkServer) -> None:
    with pytest.raises(ImportError, match="No module named 'no_such_module'"):
        server.preload("no_such_module")
    assert Forked(server, "copy_input").finish(b"still works") == b"still works"


def test_processes_get_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"GRAFT_DATABASE_URL": "postgresql://graft:secret@db/graft", "AWS_SECRET_KEY": "s"}
    for name, value in {**secrets, "LANG": "C.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    variables = {**child_environment(), "PYTHONPATH": str(REPOSITORY)}
    with closing(ForkServer.start(variables)) as server:
        environment = report(server)["environment"]
    assert environment.keys().isdisjoint(secrets)
    assert {**FIXED, "LANG": "C.UTF-8"}.items() <= environment.items()


def test_another_client_forks_from_the_same_server(server: ForkServer) -> None:
    with closing(ForkServer(server.connect())) as other:
        assert report(other)["server"] == report(server)["server"]
        forked = Forked(other, "exit_with_7")
        forked.finish()
        assert forked.process.wait(SECONDS) == 7
    assert Forked(server, "copy_input").finish(b"still there") == b"still there"


def test_the_server_ends_with_its_first_client() -> None:
    first = ForkServer.start(ENVIRONMENT)
    with closing(ForkServer(first.connect())) as other:
        forked = Forked(other, "run_until_input_ends")
        first.close()
        assert forked.process.wait(SECONDS) == LOST_EXIT_CODE
        with pytest.raises(ForkServerGoneError):
            Forked(other, "succeed")
        assert has_ended(forked)
        forked.finish()


def test_a_forker_starts_another_server_after_a_kill() -> None:
    with closing(Forker(ENVIRONMENT, ["colorsys"])) as forker:
        forker.preload(f"{TARGETS}:preload")
        before = report(forker)
        running = Forked(forker, "run_until_input_ends")
        os.kill(before["server"], signal.SIGKILL)
        assert running.process.wait(SECONDS) == LOST_EXIT_CODE
        after = report(forker)
    assert after["server"] != before["server"]
    assert "colorsys" in after["modules"]
    assert after["preloads"] == [after["server"]]


def test_a_forker_starts_its_own_server_once_the_shared_one_has_ended() -> None:
    first = ForkServer.start(ENVIRONMENT)
    with closing(Forker(ENVIRONMENT, ["colorsys"], first.connect())) as forker:
        shared = report(forker)
        assert shared["server"] == report(first)["server"]
        first.close()
        own = report(forker)
    assert own["server"] != shared["server"]
    assert "colorsys" in own["modules"]


def test_a_forker_with_a_missing_module_raises_import_error() -> None:
    with (
        closing(Forker(ENVIRONMENT, ["no_such_module"])) as forker,
        pytest.raises(ImportError, match="no_such_module"),
    ):
        forker.start()
