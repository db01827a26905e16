"""A process and the parent that keeps it: what it is told, and its end."""

import os
import signal
import threading
from collections.abc import Mapping


def read_line() -> str:
    """Read one line from standard input, and not a byte more; ends the process without one."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit(1)
        line += byte
    return line.decode()


def replace_environment(environ: Mapping[str, str]) -> None:
    """Give this process an environment in the place of the one it was forked with."""
    os.environ.clear()
    os.environ.update(environ)


def end_with_parent() -> None:
    """Send this process SIGTERM once standard input is closed, by a parent that has ended."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
