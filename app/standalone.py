"""`graft up`: the API and a worker for each queue on one machine, with the embedded database."""

import logging
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

from app.db.migrate import migrate_database
from app.errors import Unavailable
from app.queue import QUEUES, CeleryQueue
from app.settings import Settings, environment_with

log = logging.getLogger(__name__)

START_SECONDS = 120.0
STOP_SECONDS = 30.0
RESTART_SECONDS = 1.0


@contextmanager
def running_service(settings: Settings, *, log_level: str = "info") -> Iterator[str]:
    """Run everything until the block ends; gives the address once the service is ready.

    A process that dies is started again. Raises Unavailable if the port is taken or the service
    does not become ready.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate_database(settings.sqlalchemy_url)
    if not settings.broker_url:
        _prepare_embedded_broker(settings)
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(settings))
        host, port = listener.getsockname()[:2]
        url = f"http://{host}:{port}"
        start = [sys.executable, "-m", "app.cli", "--log-level", log_level]
        commands = [["api", "--fd", str(listener.fileno())]]
        commands += [["worker", "--queue", queue] for queue in QUEUES]
        environment = environment_with(settings)
        processes = [
            _Process([*start, *command, "--with-parent"], listener.fileno(), environment)
            for command in commands
        ]
        stack.callback(_stop_all, processes)
        for process in processes:
            process.start()
        _wait_until_ready(url, processes)
        yield url


class _Process:
    """One `graft` command kept alive; it ends by itself if this process disappears."""

    def __init__(self, command: list[str], listener: int, environment: dict[str, str]) -> None:
        self.command = command
        self.listener = listener
        self.environment = environment
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
                pass_fds=[self.listener] if "api" in self.command else [],
                env=self.environment,
                start_new_session=True,
            ) as process:
                self._process = process
                if self._closing.is_set():
                    process.terminate()
                code = process.wait()
            if not self._closing.is_set():
                log.warning("%s ended with %s; starting it again", self.command, code)
                self._closing.wait(RESTART_SECONDS)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Cannot listen on {settings.host}:{settings.port} ({os.strerror(error.errno or 0)}); "
            "set GRAFT_PORT to another port, or to 0 for any free one."
        ) from error
    listener.listen(1024)
    return listener


def _prepare_embedded_broker(settings: Settings) -> None:
    """Let readers and writers of the broker's file not wait for each other.

    The broker's client makes its tables at the first ring: here, so that no two workers race to.
    """
    connection = sqlite3.connect(settings.data_dir.absolute() / "broker.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    doorbell = CeleryQueue(settings.celery_broker_url, expires_seconds=settings.ring_seconds)
    doorbell.ring(QUEUES[0])
    doorbell.close()


def _wait_until_ready(url: str, processes: list[_Process]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(process.num_starts > 3 for process in processes):  # noqa: PLR2004 - not by chance
            break
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise Unavailable("The service did not become ready; its log above says why.")


def _stop_all(processes: list[_Process]) -> None:
    for process in processes:
        process.ask_to_end()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.wait_for_end(deadline)
