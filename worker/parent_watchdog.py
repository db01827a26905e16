"""End a child process when its supervisor has exited or is silent (see `worker.protocol`).

The module also reads the configuration and reserves standard output for messages.
"""

import os
import select
import sys
import threading
from dataclasses import dataclass, field

GONE_EXIT_CODE = 75
"""Exit status of a child whose supervisor has exited or is silent (EX_TEMPFAIL, sysexits.h)."""


@dataclass
class ParentWatchdog:
    """The configuration, and the requests of the supervisor so far."""

    configuration: str
    stop_requested: threading.Event = field(default_factory=threading.Event)


def watch_parent() -> ParentWatchdog:
    """Read the timeout and the configuration, then watch the supervisor in a thread.

    From here on `sys.stdout` goes to the supervisor and file descriptor 1 to the log, so that
    output of a library cannot break the protocol.
    """
    channel = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(channel, "w", encoding="utf-8")
    silence_seconds = float(_read_line())
    watchdog = ParentWatchdog(_read_line())
    threading.Thread(
        target=_watch, args=(watchdog, silence_seconds), name="watchdog", daemon=True
    ).start()
    return watchdog


def _read_line() -> str:
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(GONE_EXIT_CODE)
        line += byte
    return line.decode()


def _watch(watchdog: ParentWatchdog, silence_seconds: float) -> None:
    pending = b""
    while True:
        readable, _, _ = select.select([0], [], [], silence_seconds)
        received = os.read(0, 4096) if readable else b""
        if not received:
            os._exit(GONE_EXIT_CODE)
        *lines, pending = (pending + received).split(b"\n")
        if b"stop" in lines:
            watchdog.stop_requested.set()
