"""Servers that are measured: each on a free port of loopback, in a process group of its own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

_START_SECONDS = 300.0
_STOP_SECONDS = 30.0


class ServerFailed(Exception):
    """A server ended by itself or did not become ready; the message ends with its log."""


def find_free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: Path, ask_once: Callable[[], Any]
) -> Iterator[int]:
    """The process id of a server that has answered a first request.

    Ends with the block, first by SIGTERM to the server, then by SIGKILL to what is left of its
    group. Raises ServerFailed.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_ready(process, log, ask_once)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_ready(
    process: subprocess.Popen[bytes], log: Path, ask_once: Callable[[], Any]
) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            ask_once()
        except httpx.HTTPError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
                raise ServerFailed(f"the server is not ready ({error}):\n{tail}") from error
            time.sleep(0.2)
        else:
            return
