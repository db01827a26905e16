"""A child process's end of the line to its supervisor (see `worker.protocol`).

Works for training and ingestion alike: reads the configuration, keeps standard output for messages
alone, and ends the process when the supervisor is gone or silent.
"""

import os
import select
import sys
import threading
from dataclasses import dataclass, field

GONE_EXIT_CODE = 75
"""Exit status of a child whose supervisor disappeared (EX_TEMPFAIL of sysexits.h)."""


@dataclass
class ParentWatchdog:
    """What the supervisor has asked for so far."""

    configuration: str
    stop_requested: threading.Event = field(default_factory=threading.Event)


def watch_parent() -> ParentWatchdog:
    """Read how long silence may last and the configuration, then watch the supervisor.

    From here on `sys.stdout` speaks to the supervisor while file descriptor 1 is the log, so that
    a library's print cannot break the protocol.
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
        heard = os.read(0, 4096) if readable else b""
        if not heard:
            os._exit(GONE_EXIT_CODE)
        *words, pending = (pending + heard).split(b"\n")
        if b"stop" in words:
            watchdog.stop_requested.set()
