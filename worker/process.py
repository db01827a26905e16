"""The main function of a worker process: run Celery for some queues."""

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
    """The first line of standard input; environ replaces the process's environment."""

    environ: dict[str, str]
    queues: list[str]
    log_level: str


def main(connection: int, _started: int) -> None:
    """Serve queues until SIGTERM or the end of standard input.

    connection is the descriptor of a socket to the fork server that forks its children.
    """
    config = WorkerConfig.model_validate_json(read_line())
    setproctitle("graft worker")  # the first title must be set before the environment changes
    replace_environment(config.environ)
    configure_logging(config.log_level, get_settings().log_format)
    end_with_parent()
    spawning.use_server(socket.socket(fileno=connection))
    serve(config.queues)


def serve_alone(queues: Sequence[str]) -> None:
    """Serve queues until SIGTERM, with a fork server that this process starts."""
    spawning.start_server()
    serve(queues)


def serve(queues: Sequence[str]) -> None:
    """Run Celery's worker for some queues until SIGTERM."""
    # Celery warns root about pickled messages; this worker accepts only JSON.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    options = "--pool=threads --without-gossip --without-mingle --loglevel=WARNING"
    celery.main(
        args=[
            *("--quiet", "--app=worker.celery_app", "worker", f"--queues={','.join(queues)}"),
            f"--hostname={'-'.join(queues)}-{os.getpid()}@%h",
            # One thread more than queues: it receives and drops wake-ups while the others are busy.
            f"--concurrency={len(queues) + 1}",
            *options.split(),
        ]
    )
