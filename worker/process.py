"""A worker process: Celery, with a thread for each of its queues."""

import os
import socket
import warnings
from collections.abc import Sequence

from celery.bin.celery import celery
from pydantic import BaseModel
from setproctitle import setproctitle

from app.processes.parent import end_with_parent, read_line, replace_environment
from app.settings import get_settings
from app.telemetry.logs import configure_logging
from worker import spawning


class WorkerConfig(BaseModel):
    """The first line on standard input; environ replaces the environment."""

    environ: dict[str, str]
    queues: list[str]
    log_level: str


def main(connection: int, _started: int) -> None:
    """Serve queues until SIGTERM or the end of standard input.

    Children are forked from the server on the other end of the connection.
    """
    config = WorkerConfig.model_validate_json(read_line())
    setproctitle("graft worker")  # the first title must be set before the environment changes
    replace_environment(config.environ)
    configure_logging(config.log_level, get_settings().log_format)
    end_with_parent()
    spawning.use_server(socket.socket(fileno=connection))
    serve(config.queues)


def serve_alone(queues: Sequence[str]) -> None:
    """Serve queues until SIGTERM, with a fork server of this process's own."""
    spawning.start_server()
    serve(queues)


def serve(queues: Sequence[str]) -> None:
    """Run Celery's worker for some queues until SIGTERM."""
    # Celery warns root of pickled messages; this worker accepts JSON alone.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    options = "--pool=threads --without-gossip --without-mingle --loglevel=WARNING"
    celery.main(
        args=[
            *("--quiet", "--app=worker.celery_app", "worker", f"--queues={','.join(queues)}"),
            f"--hostname={'-'.join(queues)}-{os.getpid()}@%h",
            # A thread more than queues: while all work for hours, it answers (and drops) wake-ups.
            f"--concurrency={len(queues) + 1}",
            *options.split(),
        ]
    )
