"""A server process that imports slow modules once and forks other processes from itself.

`import torch` takes seconds and hundreds of megabytes. A forked process needs neither: it shares
the server's memory until one of them writes to it (copy on write).

The server has one thread, no CUDA context and no credentials in its environment; neither have its
children at their start. Clients send requests over Unix sockets as one JSON message each, with file
descriptors as ancillary data (unix(7), SCM_RIGHTS). The server exits when its first client closes
its connection.
"""

import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

MAX_MESSAGE_BYTES = 64 * 1024
MAX_DESCRIPTORS = 64


def main() -> None:
    """Serve the client whose socket is the file descriptor in the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the client closes the connection
    _Server(socket.socket(fileno=int(sys.argv[1]))).run()


class _Server:
    def __init__(self, first: socket.socket) -> None:
        self._first = first
        self._clients = selectors.DefaultSelector()
        self._clients.register(first, selectors.EVENT_READ)
        self._owners: dict[int, socket.socket] = {}
        self._ended, self._wake = socket.socketpair()
        for end in (self._ended, self._wake):
            end.setblocking(False)
        self._clients.register(self._ended, selectors.EVENT_READ)
        # Only a signal with a handler writes to the wake-up socket.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        gc.disable()  # a collection would write to memory that children share

    def run(self) -> None:
        while True:
            for key, _ in self._clients.select():
                client = key.fileobj
                assert isinstance(client, socket.socket)  # noqa: S101 - by construction
                if client is self._ended:
                    with suppress(BlockingIOError):
                        client.recv(4096)
                    self._report_exits()
                elif not self._serve(client) and client is self._first:
                    return

    def _serve(self, client: socket.socket) -> bool:
        """Handle one request; return False if the client has closed its connection."""
        try:
            message, descriptors, _, _ = socket.recv_fds(client, MAX_MESSAGE_BYTES, MAX_DESCRIPTORS)
        except ConnectionError:
            message, descriptors = b"", []
        if not message:
            self._clients.unregister(client)
            client.close()
            return False
        request = json.loads(message)
        if "preload" in request:
            _send(client, {"id": request["id"], "error": _preload(request["preload"])})
        elif "connect" in request:
            self._clients.register(socket.socket(fileno=descriptors[0]), selectors.EVENT_READ)
        else:
            pid = self._fork(request["target"], descriptors)
            self._owners[pid] = client
            _send(client, {"id": request["id"], "pid": pid})
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, target: str, descriptors: list[int]) -> int:
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            for key in list(self._clients.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - by construction
                key.fileobj.close()
            self._clients.close()
            self._wake.close()
            _run(target, descriptors)
        return pid

    def _report_exits(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            owner = self._owners.pop(pid, None)
            if owner is not None and owner.fileno() >= 0:
                _send(owner, {"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _preload(modules: Sequence[str]) -> str | None:
    try:
        for name in modules:
            module, _, function = name.partition(":")
            imported = importlib.import_module(module)
            if function:
                getattr(imported, function)()
    except Exception:  # noqa: BLE001 - reported to the client
        return traceback.format_exc()
    return None


def _send(client: socket.socket, message: dict[str, Any]) -> None:
    with suppress(ConnectionError):
        client.send(json.dumps(message).encode())


def _run(target: str, descriptors: list[int]) -> None:
    """Run `module:function` in the new process, then exit.

    The first three descriptors become the standard streams, the others are the function's
    arguments. The process leads its own process group, so that it can be killed with its children.
    """
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        for stream, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open until the end
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - open until the end
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - open until the end
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.enable()
        module, _, function = target.partition(":")
        getattr(importlib.import_module(module), function)(*descriptors[3:])
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - the process exits, as for any uncaught exception
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
            atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
