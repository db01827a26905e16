"""The Celery wake-up task, and the start and shutdown of the worker loops."""

from typing import Any

from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from setproctitle import setproctitle

from app.settings import get_settings
from app.tasks.notifications import WAKE_UP_TASK
from worker.announcer import Announcer
from worker.celery_app import app
from worker.device_name import name_device
from worker.loop import WorkerLoop

_loops: dict[str, WorkerLoop] = {}
"""The loop of each queue that this process serves."""

_announcers: list[Announcer] = []


@app.task(name=WAKE_UP_TASK, bind=True)  # type: ignore[untyped-decorator]  # Celery has no types
def take_next(task: Any) -> None:
    """Run the items of the notified queue; return at once if its loop is busy."""
    _loops[task.request.delivery_info["routing_key"]].take_work()


@worker_init.connect  # type: ignore[untyped-decorator]
def _start(sender: Any, **_: object) -> None:
    for queue in sender.app.amqp.queues.consume_from:
        _loops[queue] = WorkerLoop(get_settings(), queue)
        _loops[queue].start()
    database = next(iter(_loops.values())).database
    owners = {queue: loop.owner for queue, loop in _loops.items()}
    _announcers.append(Announcer(database, owners, name_device(get_settings())))
    _announcers[0].start()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _set_title(**_: object) -> None:
    setproctitle(f"graft worker {' '.join(_loops)}")  # replaces the title that Celery has set


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _drain(**_: object) -> None:
    for loop in _loops.values():
        loop.drain()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: object) -> None:
    while _announcers:
        _announcers.pop().close()
    while _loops:
        _loops.popitem()[1].close()
