"""Functions for a child process: read its configuration, and exit with its parent."""

import os
import signal
import threading
from collections.abc import Mapping


def read_line() -> str:
    """Read one line from standard input without buffering; exit at the end of the input."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit(1)
        line += byte
    return line.decode()


def replace_environment(environ: Mapping[str, str]) -> None:
    """Replace the environment that this process has inherited."""
    os.environ.clear()
    os.environ.update(environ)


def end_with_parent() -> None:
    """Send SIGTERM to this process when its standard input is closed, as at its parent's exit."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
