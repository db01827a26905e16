"""`graft` commands kept alive as processes of this one, and the port that several may share."""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from app.errors import Unavailable
from app.settings import Settings, environment_with
from app.telemetry.metrics import forget_process

log = logging.getLogger(__name__)

STOP_SECONDS = 30.0
RESTART_SECONDS = 1.0


class KeptProcess:
    """One `graft` command kept alive; it ends by itself if this process disappears."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: dict[str, str],
        forget: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`forget` is called with the id of each of its processes that has ended."""
        self.command = [sys.executable, "-m", "app.cli", *arguments, "--with-parent"]
        self.environment = environment
        self._forget = forget
        self.num_starts = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._thread.start()

    def ask_to_end(self) -> None:
        self._closing.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_for_end(self, deadline: float) -> None:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._process is not None and self._process.poll() is None:
            log.warning("%s does not end; killing it", self.command)
            self._process.kill()
        self._thread.join()

    def _keep_alive(self) -> None:
        while not self._closing.is_set():
            self.num_starts += 1
            with subprocess.Popen(  # noqa: S603 - our own interpreter and command
                self.command,
                stdin=subprocess.PIPE,
                env=self.environment,
                start_new_session=True,
            ) as process:
                self._process = process
                if self._closing.is_set():
                    process.terminate()
                code = process.wait()
            self._forget(process.pid)
            if not self._closing.is_set():
                log.warning("%s ended with %s; starting it again", self.command, code)
                self._closing.wait(RESTART_SECONDS)


@contextmanager
def keeping_alive(processes: Sequence[KeptProcess]) -> Iterator[None]:
    """Start them, and end them with the block."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            process.ask_to_end()
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            process.wait_for_end(deadline)


@contextmanager
def api_processes(settings: Settings, *, log_level: str) -> Iterator[tuple[str, list[KeptProcess]]]:
    """The address that the API's processes will share, and these, not yet started.

    Raises Unavailable if something listens there.
    """
    with reserve_port(settings.host, settings.port) as port, TemporaryDirectory() as counts:
        environment = environment_with(settings)
        if settings.api_processes > 1:
            environment |= {"PROMETHEUS_MULTIPROC_DIR": counts}
        command = ["--log-level", log_level, "api", "--shared-port", str(port)]
        processes = [
            KeptProcess(command, environment, forget=partial(forget_process, Path(counts)))
            for _ in range(settings.api_processes)
        ]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield f"http://{host}:{port}", processes


@contextmanager
def reserve_port(host: str, port: int) -> Iterator[int]:
    """Keep a port from everyone but the processes that share it with this one; 0 picks a free one.

    The socket never listens: the kernel gives connections only to those that do.
    Raises Unavailable if something listens there.
    """
    with _open(host) as probe:
        # Sharing the port from the start would be sharing it with whoever has it already.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, port)
        port = probe.getsockname()[1]
    with share_port(host, port):
        yield port


def share_port(host: str, port: int) -> socket.socket:
    """A socket of one's own on a port that others listen on, too: each gets its connections.

    Source: Linux, socket(7), SO_REUSEPORT. Raises Unavailable if someone has it for himself.
    """
    shared = _open(host)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(shared, host, port)
    return shared


def _open(host: str) -> socket.socket:
    # By its protocol asyncio knows TCP, and sends answers without waiting for acknowledgements.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def _bind(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}); "
            "set GRAFT_PORT to another port, or to 0 for any free one."
        ) from error
