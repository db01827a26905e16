"""The notifier's button, and what a worker process starts and stops with."""

from typing import Any

from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from setproctitle import setproctitle

from app.settings import get_settings
from app.tasks.notifications import WAKE_UP_TASK
from worker.celery_app import app
from worker.loop import WorkerLoop

_loops: dict[str, WorkerLoop] = {}
"""The workbench of each queue that Celery serves in this process."""


@app.task(name=WAKE_UP_TASK, bind=True)  # type: ignore[untyped-decorator]  # Celery has no types
def take_next(task: Any) -> None:
    """Take the next work item of the queue that rang; at once over when its bench is busy."""
    _loops[task.request.delivery_info["routing_key"]].take_work()


@worker_init.connect  # type: ignore[untyped-decorator]
def _start(sender: Any, **_: object) -> None:
    for queue in sender.app.amqp.queues.consume_from:
        _loops[queue] = WorkerLoop(get_settings(), queue)
        _loops[queue].start()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _set_title(**_: object) -> None:
    setproctitle(f"graft worker {' '.join(_loops)}")  # in the place of Celery's own


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _drain(**_: object) -> None:
    for bench in _loops.values():
        bench.drain()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: object) -> None:
    while _loops:
        _loops.popitem()[1].close()
