"""Start and stop a measured server, on a free local port and in its own process group."""

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
    """A server exited or did not become ready; the message ends with its log."""


def find_free_port() -> int:
    """Find a local port that no process uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: Path, send_once: Callable[[], Any]
) -> Iterator[int]:
    """Start a server and yield its process id once it has answered a request.

    When the block ends, the server gets SIGTERM, and then its remaining processes get SIGKILL.
    Raises ServerFailed.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_ready(process, log, send_once)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_ready(
    process: subprocess.Popen[bytes], log: Path, send_once: Callable[[], Any]
) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            send_once()
        except httpx.HTTPError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
                raise ServerFailed(f"the server is not ready ({error}):\n{tail}") from error
            time.sleep(0.2)
        else:
            return
