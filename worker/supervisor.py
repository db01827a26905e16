"""Run one attempt in a child process with heartbeats, and record its outcome."""

import logging
import threading
import time
from dataclasses import dataclass

from app.settings import Settings
from app.tasks.service import StaleLeaseError
from app.telemetry.tracing import get_tracer
from worker.child import Child, Command, Exited
from worker.recorder import RETRY_EVERY_SECONDS, DatabaseFullError, DatabaseGoneError, Recorder

log = logging.getLogger(__name__)


@dataclass
class _Clock:
    """The times of the last heartbeat and of the child's last message, in monotonic seconds."""

    beat: float
    message: float


def supervise(
    command: Command, recorder: Recorder, draining: threading.Event, settings: Settings
) -> None:
    """Run the child until it exits, and record the outcome of the attempt.

    An attempt ends in one of these ways: the child sends its result or an error; it crashes; it
    sends nothing for too long; a user cancels it; this worker shuts down; the lease or the database
    is lost, and then nothing more is recorded; the database's disk is full, and then this waits
    until the item can be enqueued again.
    """
    span = get_tracer().start_as_current_span(f"python -m {command.module}", record_exception=False)
    with span, Child(command, settings) as child:
        try:
            _watch(child, recorder, draining, settings)
        except DatabaseFullError as full:
            log.warning("%s: child stopped: %s", recorder.lease.subject_id, full)
            child.end()
            _requeue_when_possible(recorder, draining)
        except (StaleLeaseError, DatabaseGoneError) as loss:
            log.warning("%s: child stopped: %s", recorder.lease.subject_id, loss)


def _requeue_when_possible(recorder: Recorder, draining: threading.Event) -> None:
    """Enqueue the item again as soon as the database can write, unless the worker drains."""
    while not draining.is_set():
        try:
            recorder.wait_for_space()
        except DatabaseFullError:
            draining.wait(RETRY_EVERY_SECONDS)
            continue
        except (StaleLeaseError, DatabaseGoneError) as loss:
            log.warning("%s: %s", recorder.lease.subject_id, loss)
        return


def _watch(child: Child, recorder: Recorder, draining: threading.Event, settings: Settings) -> None:
    clock = _Clock(beat=0.0, message=time.monotonic())
    poll_seconds = min(0.25, settings.heartbeat_seconds / 4)
    while True:
        if time.monotonic() - clock.beat >= settings.heartbeat_seconds:
            user_requests = recorder.beat()
            clock.beat = time.monotonic()
            child.send("alive")
            if user_requests.cancel:
                child.end()
                recorder.cancel()
                return
            if user_requests.stop:
                child.send("stop")
        if draining.is_set():
            child.end()
            recorder.requeue("the worker is shutting down")
            return
        message = child.receive(poll_seconds)
        if isinstance(message, Exited):
            recorder.end(message)
            return
        if message is not None:
            clock.message = time.monotonic()
            recorder.record(message)
            if recorder.has_ended:
                return
        elif time.monotonic() - clock.message > settings.progress_timeout_seconds:
            child.kill()
            recorder.fail(
                "NO_PROGRESS",
                f"The process sent no message for {settings.progress_timeout_seconds:g} seconds.",
            )
            return
