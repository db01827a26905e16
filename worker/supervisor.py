"""Runs one attempt in a child process, with a heartbeat, and sees that it ends."""

import logging
import threading
import time
from dataclasses import dataclass

from app.settings import Settings
from app.tasks.service import StaleLeaseError
from app.telemetry.tracing import get_tracer
from worker.child import Child, Command, Exited
from worker.recorder import DatabaseGoneError, Recorder

log = logging.getLogger(__name__)


@dataclass
class _Clock:
    """When things last happened, in monotonic seconds."""

    beat: float
    heard: float


def supervise(
    command: Command, recorder: Recorder, draining: threading.Event, settings: Settings
) -> None:
    """Run the child until it is done, and record how the attempt ended.

    An attempt ends in one of these ways: the child has said its result; it crashed; it was silent
    too long; a user cancelled; this worker drains; or the lease (or the database) was lost, and
    then nothing more is recorded.
    """
    span = get_tracer().start_as_current_span(f"python -m {command.module}", record_exception=False)
    with span, Child(command, settings) as child:
        try:
            _watch(child, recorder, draining, settings)
        except (StaleLeaseError, DatabaseGoneError) as loss:
            log.warning("%s: child stopped: %s", recorder.lease.subject_id, loss)


def _watch(child: Child, recorder: Recorder, draining: threading.Event, settings: Settings) -> None:
    clock = _Clock(beat=0.0, heard=time.monotonic())
    poll_seconds = min(0.25, settings.heartbeat_seconds / 4)
    while True:
        if time.monotonic() - clock.beat >= settings.heartbeat_seconds:
            wishes = recorder.beat()
            clock.beat = time.monotonic()
            child.send("alive")
            if wishes.cancel:
                child.end()
                recorder.cancel()
                return
            if wishes.stop:
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
            clock.heard = time.monotonic()
            recorder.record(message)
            if recorder.has_ended:
                return
        elif time.monotonic() - clock.heard > settings.progress_timeout_seconds:
            child.kill()
            recorder.fail(
                "NO_PROGRESS",
                f"The process said nothing for {settings.progress_timeout_seconds:g} seconds.",
            )
            return
