"""Run the API and workers for all queues on one machine (`graft up`)."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

from app.errors import Unavailable
from app.folder_lock import locking
from app.processes import api as api_processes
from app.processes.forking import Forker
from app.processes.kept import KeptProcess, Running, fork_with, forking, keeping_alive, spawn
from app.settings import Settings, environment_with
from app.tasks.notifications import QUEUES

WORKER_MODULES = (
    "worker.process",
    "worker.loop",
    # Celery imports these by name when it starts.
    "celery.apps.worker",
    "celery.concurrency.thread",
    "kombu.transport.sqlalchemy",
)
CHILD_MODULES = ("worker.children:preload",)


def _say_nothing(_: str) -> None:
    """Do not tell the steps of a start."""


@contextmanager
def running_service(
    settings: Settings, *, log_level: str = "info", tell: Callable[[str], None] = _say_nothing
) -> Iterator[str]:
    """Run the service until the block ends; yields its URL once it is ready.

    tell is called with each step of the start, in words.

    All processes are forked from one that imports their modules once, in the order of need: first
    those of the stand-in API, then of the worker, then of prediction. A process that exits is
    restarted. Raises InUse if another service uses the data folder, and Unavailable if the port is
    in use or the service does not become ready.
    """
    environment = environment_with(settings)
    with locking(settings.data_dir) as lock, _opening_api(settings, log_level) as (forker, api):
        lock.describe(api.url)
        worker = KeptProcess("worker", partial(_start_worker, forker, environment, log_level))
        with keeping_alive([worker]):
            tell("Preparing the database.")
            with ThreadPoolExecutor(1) as preparing:
                prepared = preparing.submit(_prepare, environment)
                if forker:
                    forker.preload(*api_processes.LIGHT_MODULES)
                prepared.result()
            api.start_stand_in()
            tell("Starting the worker.")
            if forker:
                forker.preload(*WORKER_MODULES)
            worker.start()
            tell("Loading PyTorch; until then, everything but predictions answers.")
            if forker:
                forker.preload(*api_processes.MODULES, *CHILD_MODULES)
            api.start()
            _wait_until_ready(api.url, [*api.processes, worker])
            yield api.url


@contextmanager
def running_api(settings: Settings, *, log_level: str) -> Iterator[str]:
    """Run the API alone until the block ends; yields its URL once it serves predictions."""
    with _opening_api(settings, log_level) as (forker, api):
        if forker:
            forker.preload(*api_processes.LIGHT_MODULES)
        api.start_stand_in()
        if forker:
            forker.preload(*api_processes.MODULES)
        api.start()
        yield api.url


@contextmanager
def _opening_api(
    settings: Settings, log_level: str
) -> Iterator[tuple[Forker | None, api_processes.ApiProcesses]]:
    """Open the API's port; yields the forker of all processes, and the API's."""
    with (
        TemporaryDirectory() as counts,
        forking({"PROMETHEUS_MULTIPROC_DIR": counts}) as forker,
        api_processes.api_processes(settings, forker, Path(counts), log_level=log_level) as api,
    ):
        yield forker, api


def _start_worker(
    forker: Forker | None,
    environment: Mapping[str, str],
    log_level: str,
    has_started: threading.Event,
) -> Running:
    """Start a worker of all queues; one process is enough, because its children do the work."""
    if forker is None:
        queues = [word for queue in QUEUES for word in ("--queue", queue)]
        return spawn(["--log-level", log_level, "worker", *queues], environment)
    config = {"environ": environment, "queues": QUEUES, "log_level": log_level}
    with forker.connect() as connection:
        return fork_with(forker, "worker.process:main", config, [connection], has_started)


def _prepare(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.processes.preparation"],
        env=dict(environment),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"The database cannot be prepared: {done.stderr.strip()[-2000:]}")


def _wait_until_ready(url: str, processes: Sequence[KeptProcess]) -> None:
    deadline = time.monotonic() + api_processes.START_SECONDS
    while time.monotonic() < deadline:
        if any(process.num_starts > api_processes.MAX_STARTS for process in processes):
            break
        try:
            with urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 - the service's own URL
                return
        except (URLError, HTTPException, OSError):
            time.sleep(0.05)
    raise Unavailable("The service did not become ready; see its log above.")
