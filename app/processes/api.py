"""Run the API as several processes on one port, and a stand-in until they have loaded."""

import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.errors import Unavailable
from app.processes.forking import Forker
from app.processes.kept import KeptProcess, Running, fork_with, keeping_alive, spawn
from app.processes.ports import close_all, listening, reserve_port, share_port
from app.settings import Settings, environment_with

log = logging.getLogger(__name__)

LIGHT_MODULES = ("app.processes.api_process",)
MODULES = ("app.ml.runtime.lazy_compiler:import_torchvision", "app.predictions.predictor")

START_SECONDS = 120.0
MAX_STARTS = 3
"""The start fails once a process has been started more often than this."""


class ApiProcesses:
    """The API's processes, each with its own socket on the port.

    The stand-in serves the first sockets of all processes until they have loaded the model; it
    serves all routes but predictions. A restarted process opens a new socket once it is ready;
    until then the kernel distributes connections to the other processes.
    """

    def __init__(
        self,
        url: str,
        processes: Sequence[KeptProcess],
        stand_in: KeptProcess | None,
        first_sockets: list[socket.socket],
    ) -> None:
        self.url = url
        self.processes = processes
        self.stand_in = stand_in
        self.first_sockets = first_sockets

    def start_stand_in(self) -> None:
        """Start the stand-in, which serves all routes but predictions; needs LIGHT_MODULES."""
        if self.stand_in is not None:
            self.stand_in.start()

    def start(self) -> None:
        """Start the processes, wait for them, and stop the stand-in; needs MODULES.

        Raises Unavailable if a process does not become ready.
        """
        for process in self.processes:
            process.start()
        if self.stand_in is None:
            return
        deadline = time.monotonic() + START_SECONDS
        for process in self.processes:
            while not process.has_started.wait(0.1):
                if process.num_starts > MAX_STARTS or time.monotonic() > deadline:
                    raise Unavailable("The API did not start; see its log above.")
        self.stand_in.ask_to_end()
        close_all(self.first_sockets)


@contextmanager
def api_processes(
    settings: Settings, forker: Forker | None, counts: Path, *, log_level: str
) -> Iterator[ApiProcesses]:
    """Open the API's port, and stop its processes at the end of the block.

    counts is the folder for the processes' metrics, which are summed.
    Raises Unavailable if another process listens on the port.
    """
    with (
        reserve_port(settings.host, settings.port) as port,
        listening(settings.host, port, settings.api_processes if forker else 0) as sockets,
    ):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        environment = environment_with(settings) | {"PROMETHEUS_MULTIPROC_DIR": str(counts)}
        keep = partial(KeptProcess, on_end=partial(_forget_process, counts))
        numbers = range(settings.api_processes)
        stand_in = None
        if forker is None:
            command = ["--log-level", log_level, "api", "--shared-port", str(port)]
            processes = [keep(f"api {i}", lambda _: spawn(command, environment)) for i in numbers]
        else:
            forked = _ForkedApi(forker, environment, log_level, settings.host, port, sockets)
            processes = [keep(f"api {i}", partial(forked.start, i)) for i in numbers]
            stand_in = keep("api stand-in", forked.start_stand_in)
        kept = [*processes, *([stand_in] if stand_in else [])]
        with keeping_alive(kept):
            yield ApiProcesses(f"http://{host}:{port}", processes, stand_in, sockets)


@dataclass(frozen=True)
class _ForkedApi:
    forker: Forker
    environment: Mapping[str, str]
    log_level: str
    host: str
    port: int
    first_sockets: Sequence[socket.socket]

    def start(self, number: int, has_started: threading.Event) -> Running:
        if self.first_sockets:
            return self._fork([self.first_sockets[number]], has_started, predicts=True)
        with share_port(self.host, self.port) as new:
            return self._fork([new], has_started, predicts=True)

    def start_stand_in(self, has_started: threading.Event) -> Running:
        return self._fork(self.first_sockets, has_started, predicts=False)

    def _fork(
        self, sockets: Sequence[socket.socket], has_started: threading.Event, *, predicts: bool
    ) -> Running:
        config = {
            "environ": self.environment,
            "log_level": self.log_level,
            "predicts": predicts,
        }
        return fork_with(
            self.forker, "app.processes.api_process:main", config, sockets, has_started
        )


def _forget_process(folder: Path, process_id: int) -> None:
    from app.telemetry.metrics import forget_process  # noqa: PLC0415 - slow to import, and not always needed

    forget_process(folder, process_id)
