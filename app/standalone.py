"""`graft up`: the API and workers for all queues on one machine, with the embedded database."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from app.db.migrate import migrate_database
from app.errors import Unavailable
from app.processes import KeptProcess, api_processes, keeping_alive
from app.settings import Settings, environment_with
from app.tasks.notifications import QUEUES, CeleryQueue

START_SECONDS = 120.0

WORKERS = (("--queue", "cpu", "--queue", "predict"), ("--queue", "train"))
"""The queues of each worker process: two share one, for neither works in it, their children do."""


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
    with api_processes(settings, log_level=log_level) as (url, apis):
        environment = environment_with(settings)
        workers = [
            KeptProcess(["--log-level", log_level, "worker", *queues], environment)
            for queues in WORKERS
        ]
        with keeping_alive([*apis, *workers]):
            _wait_until_ready(url, [*apis, *workers])
            yield url


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


def _wait_until_ready(url: str, processes: list[KeptProcess]) -> None:
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
