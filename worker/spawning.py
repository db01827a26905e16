"""Start the child processes of this worker, by fork where that is safe."""

import logging
import socket
import subprocess
import sys
import threading
from typing import Protocol

from app.processes.forking import CAN_FORK, Forker, child_environment

log = logging.getLogger(__name__)

CHILD_MODULES = ("worker.children:preload",)

_forkers: list[Forker] = []


class Process(Protocol):
    """The common interface of `subprocess.Popen` and `ForkedProcess`."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def use_server(connection: socket.socket) -> None:
    """Fork children from an existing server that has imported the modules."""
    _forkers.append(Forker(child_environment(), CHILD_MODULES, connection))


def start_server() -> None:
    """Start a server that forks children, where forking is safe."""
    if not CAN_FORK:
        log.warning("forking is not safe on this platform: each child imports its modules itself")
        return
    forker = Forker(child_environment(), CHILD_MODULES)
    threading.Thread(target=forker.start, name="fork-server-start", daemon=True).start()
    _forkers.append(forker)


def prepare() -> None:
    """Wait until a child starts without delay; raises ImportError.

    A worker that claims work earlier holds a lease without heartbeats while modules are imported.
    """
    if _forkers:
        _forkers[-1].prepare()


def start_child(module: str, stdin: int, stdout: int) -> Process:
    """Run a package's `__main__` in a new process and process group."""
    if _forkers:
        return _forkers[-1].fork(f"{module}.__main__:main", [stdin, stdout, 2])
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", module],
        stdin=stdin,
        stdout=stdout,
        env=child_environment(),
        start_new_session=True,
    )
