"""The doorbell's button, and what a worker process starts and stops with."""

from typing import Any

from celery.signals import worker_init, worker_shutdown, worker_shutting_down

from app.queue import TICK_TASK
from app.settings import get_settings
from worker.bench import Workbench
from worker.celery_app import app

_benches: list[Workbench] = []
"""The one workbench of this process, once Celery has said which queue it serves."""


@app.task(name=TICK_TASK)  # type: ignore[untyped-decorator]  # Celery has no types
def tick() -> None:
    """Take the next work item of this worker's queue; at once over when it is busy."""
    for bench in _benches:
        bench.take_work()


@worker_init.connect  # type: ignore[untyped-decorator]
def _start(sender: Any, **_: object) -> None:
    (queue,) = sender.app.amqp.queues.consume_from
    bench = Workbench(get_settings(), queue)
    bench.start()
    _benches.append(bench)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _drain(**_: object) -> None:
    for bench in _benches:
        bench.drain()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: object) -> None:
    while _benches:
        _benches.pop().close()
