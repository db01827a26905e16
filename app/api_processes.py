"""The processes of the API: several that share its port, and one that answers until they can."""

import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from app.errors import Unavailable
from app.forking import Forker
from app.ports import listening
from app.processes import KeptProcess, Running, fork_with, keeping_alive, spawn
from app.settings import Settings, environment_with

log = logging.getLogger(__name__)

LIGHT_MODULES = ("app.api_process",)
MODULES = ("app.ml.runtime.lazy_compiler:import_torchvision", "app.predictions.predictor")

START_SECONDS = 120.0
MAX_STARTS = 3
"""A process that had to be started more often does not fail by chance."""


class ApiProcesses:
    """The API's processes, each with a socket of its own on the port.

    Connections wait in a socket while its process is started again. The stand-in has them all: it
    answers at once, all but predictions, until the others have loaded their models.
    """

    def __init__(
        self,
        url: str,
        processes: Sequence[KeptProcess],
        stand_in: KeptProcess | None,
    ) -> None:
        self.url = url
        self.processes = processes
        self.stand_in = stand_in

    def start_stand_in(self) -> None:
        """Answer everything but predictions; needs LIGHT_MODULES."""
        if self.stand_in is not None:
            self.stand_in.start()

    def start(self) -> None:
        """Start those that predict; needs MODULES. Raises Unavailable if they do not get ready."""
        for process in self.processes:
            process.start()
        if self.stand_in is None:
            return
        deadline = time.monotonic() + START_SECONDS
        for process in self.processes:
            while not process.has_started.wait(0.1):
                if process.num_starts > MAX_STARTS or time.monotonic() > deadline:
                    raise Unavailable("The API did not start; its log above says why.")
        self.stand_in.ask_to_end()


@contextmanager
def api_processes(
    settings: Settings, forker: Forker | None, counts: Path, *, log_level: str
) -> Iterator[ApiProcesses]:
    """Open the API's port, and end its processes with the block.

    counts is the folder in which the processes add up their metrics.
    Raises Unavailable if something listens on the port.
    """
    num_sockets = settings.api_processes if forker else 0
    with listening(settings.host, settings.port, num_sockets) as (port, sockets):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{port}"
        environment = environment_with(settings) | {"PROMETHEUS_MULTIPROC_DIR": str(counts)}
        keep = partial(KeptProcess, on_end=partial(_forget_process, counts))
        stand_in = None
        if forker is None:
            command = ["--log-level", log_level, "api", "--shared-port", str(port)]
            processes = [
                keep(f"api {number}", lambda _: spawn(command, environment))
                for number in range(settings.api_processes)
            ]
        else:
            fork = partial(_fork, forker, environment, log_level)
            processes = [
                keep(f"api {number}", partial(fork, [one], True))
                for number, one in enumerate(sockets)
            ]
            stand_in = keep("api stand-in", partial(fork, sockets, False))
        with keeping_alive([*processes, *([stand_in] if stand_in else [])]):
            yield ApiProcesses(url, processes, stand_in)


def _fork(  # noqa: PLR0913, PLR0917 - each is one thing the caller knows
    forker: Forker,
    environment: Mapping[str, str],
    log_level: str,
    sockets: Sequence[socket.socket],
    predicts: bool,
    has_started: threading.Event,
) -> Running:
    config = {
        "environ": environment,
        "log_level": log_level,
        "predicts": predicts,
    }
    return fork_with(forker, "app.api_process:main", config, sockets, has_started)


def _forget_process(folder: Path, process_id: int) -> None:
    from app.telemetry.metrics import forget_process  # noqa: PLC0415 - slow to import, and not always needed

    forget_process(folder, process_id)
