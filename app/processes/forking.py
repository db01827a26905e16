"""The client of a fork server (`app.processes.fork_server`)."""

import itertools
import json
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from app.processes.fork_server import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

CAN_FORK = sys.platform == "linux"
"""On other platforms system libraries start threads, which do not survive a fork."""

LOST_EXIT_CODE = 75
"""The exit status of a process whose fork server has exited (EX_TEMPFAIL, sysexits.h)."""


PASSED_ON = frozenset(
    [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "TORCH_HOME",
        "LD_LIBRARY_PATH",
        "CUDA_DEVICE_ORDER",
        "CUDA_VISIBLE_DEVICES",
    ]
)
"""The variables that a child inherits: none has credentials of the database or the broker."""

_LOOPBACK = "lo" if sys.platform == "linux" else "lo0"

FIXED = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    "TORCHINDUCTOR_DETERMINISTIC": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "GLOO_SOCKET_IFNAME": _LOOPBACK,
    "NCCL_SOCKET_IFNAME": _LOOPBACK,
}
"""Variables that are set for every child.

OMP_WAIT_POLICY: waiting threads sleep (OpenMP 4.5), because spinning ones take cores from the
threads they wait for. OPENBLAS_NUM_THREADS: NumPy's OpenBLAS starts no threads at its import, so
that the process can be forked. CUBLAS_WORKSPACE_CONFIG: cuBLAS is deterministic only with a fixed
workspace (its manual, section 2.1.4). The others: processes of one training communicate over the
loopback interface only."""


def child_environment() -> dict[str, str]:
    """Return the environment of child processes, without credentials."""
    return {name: value for name, value in os.environ.items() if name in PASSED_ON} | FIXED


class ForkServerGoneError(Exception):
    """The fork server has exited."""


class ForkedProcess:
    """A process forked by a fork server, with the interface of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit and return its code; raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        assert self.returncode is not None  # noqa: S101 - by construction
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def end(self, code: int) -> None:
        """Record the exit code that the server has reported."""
        self.returncode = code
        self._ended.set()

    def _signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """A connection to a fork server; safe to use from several threads."""

    def __init__(
        self, connection: socket.socket, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        """`process` is the server's process, if this client has started it."""
        self._connection = connection
        self._process = process
        self._ids = itertools.count(1)
        self._replies: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._processes: dict[int, ForkedProcess] = {}
        self._early_exits: dict[int, int] = {}
        self._lock = threading.Lock()
        self.is_gone = False
        self._reader = threading.Thread(target=self._read, name="fork-server", daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, environment: Mapping[str, str]) -> Self:
        """Start a server; its children inherit the environment."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", "app.processes.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        return cls(ours, process)

    def preload(self, *modules: str) -> None:
        """Import modules in the server; raises ImportError with its traceback."""
        error = self._ask({"preload": modules})["error"]
        if error:
            raise ImportError(error)

    def fork(self, target: str, descriptors: Sequence[int]) -> ForkedProcess:
        """Run `module:function` in a new process.

        The first three descriptors become its standard streams. The function gets the numbers of
        the others as arguments. Raises ForkServerGoneError.
        """
        pid = int(self._ask({"target": target}, descriptors)["pid"])
        process = ForkedProcess(pid)
        with self._lock:
            code = self._early_exits.pop(pid, None)
            if code is None and self.is_gone:
                code = LOST_EXIT_CODE
            if code is None:
                self._processes[pid] = process
        if code is not None:
            process.end(code)
        return process

    def connect(self) -> socket.socket:
        """Return a new connection to the server, for another process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._send({"connect": True}, [theirs.fileno()])
        return ours

    def close(self) -> None:
        """Close the connection; a server that this client has started exits."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._connection.close()
        if self._process is not None:
            self._process.wait()

    def _ask(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        number = next(self._ids)
        answer: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        with self._lock:
            if self.is_gone:
                raise ForkServerGoneError
            self._replies[number] = answer
        self._send({"id": number, **request}, descriptors)
        reply = answer.get()
        if reply is None:
            raise ForkServerGoneError
        return reply

    def _send(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        try:
            socket.send_fds(self._connection, [json.dumps(request).encode()], list(descriptors))
        except OSError as error:
            raise ForkServerGoneError from error

    def _read(self) -> None:
        while True:
            try:
                message = self._connection.recv(MAX_MESSAGE_BYTES)
            except OSError:
                message = b""
            if not message:
                self._lose()
                return
            reply = json.loads(message)
            if "code" in reply:
                self._end(reply["pid"], reply["code"])
            else:
                with self._lock:
                    answer = self._replies.pop(reply["id"])
                answer.put(reply)

    def _end(self, pid: int, code: int) -> None:
        with self._lock:
            process = self._processes.pop(pid, None)
            if process is None:
                self._early_exits[pid] = code  # the process exited before `fork` read its pid
        if process is not None:
            process.end(code)

    def _lose(self) -> None:
        with self._lock:
            self.is_gone = True
            processes, self._processes = self._processes, {}
            replies, self._replies = self._replies, {}
        for answer in replies.values():
            answer.put(None)
        for process in processes.values():
            process.kill()
            process.end(LOST_EXIT_CODE)


class Forker:
    """Forks processes from a server that is started on demand, and again after it has exited."""

    def __init__(
        self,
        environment: Mapping[str, str],
        modules: Sequence[str] = (),
        connection: socket.socket | None = None,
    ) -> None:
        """With a connection, the server of another process is used until it exits."""
        self._environment = environment
        self._modules = list(modules)
        self._server = ForkServer(connection) if connection else None
        self._prepared: ForkServer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the server before the first fork; raises ImportError."""
        self._get()

    def preload(self, *modules: str) -> None:
        """Import modules in the server and in its successors; raises ImportError."""
        self._modules += modules
        self._get(modules)

    def prepare(self) -> None:
        """Wait until the server has imported its modules; raises ImportError."""
        while self._prepared is None or self._prepared.is_gone:
            with suppress(ForkServerGoneError):
                self._prepared = self._get(self._modules)

    def fork(self, target: str, descriptors: Sequence[int]) -> ForkedProcess:
        """Run `module:function` in a new process; raises ImportError as `preload` does."""
        while True:
            with suppress(ForkServerGoneError):
                return self._get().fork(target, descriptors)

    def connect(self) -> socket.socket:
        """Return a connection to the server for another process; raises ImportError."""
        while True:
            with suppress(ForkServerGoneError):
                return self._get().connect()

    def close(self) -> None:
        """Stop the server, if it was started here."""
        with self._lock:
            if self._server is not None:
                self._server.close()
                self._server = None

    def _get(self, new_modules: Sequence[str] = ()) -> ForkServer:
        with self._lock:
            if self._server is not None and not self._server.is_gone:
                if new_modules:
                    self._server.preload(*new_modules)
                return self._server
            if self._server is not None:
                log.warning("the fork server has exited; starting another")
                self._server.close()
            self._server = ForkServer.start(self._environment)
            self._server.preload(*self._modules)
            return self._server
