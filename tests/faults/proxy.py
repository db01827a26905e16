"""A TCP proxy on loopback whose connections can be frozen, cut and slowed down."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Target = tuple[str, int] | str
"""The host and port, or the path of a Unix socket, that a proxy connects to."""


class _Connection:
    """A client's connection and the one to the target."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = (client, server)
        self.flowing = threading.Event()
        self.flowing.set()

    def close(self) -> None:
        self.flowing.set()
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Forwards bytes to a target until it is told otherwise."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.delay_seconds = 0.0
        self.drops_replies = False
        self.num_reply_bytes = 0
        """Bytes that the target has sent, forwarded or dropped."""
        self._is_cut = False
        self._freezes_new = False
        self._connections: list[_Connection] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def freeze(self, *, new_too: bool = False) -> int:
        """Forward nothing more on the existing connections, and leave them open.

        New connections are accepted and work, unless new_too. Returns how many are frozen.
        """
        with self._lock:
            self._freezes_new = new_too
            for connection in self._connections:
                connection.flowing.clear()
            return len(self._connections)

    def cut(self) -> None:
        """Close all connections, and close new ones at once."""
        with self._lock:
            self._is_cut = True
            cut, self._connections = self._connections, []
        for connection in cut:
            connection.close()

    def mend(self) -> None:
        """Let everything flow again."""
        with self._lock:
            self._is_cut = self._freezes_new = False
            for connection in self._connections:
                connection.flowing.set()

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                client.close()
                continue
            try:
                connection = _Connection(client, self._connect())
            except OSError:
                client.close()
                continue
            with self._lock:
                self._connections.append(connection)
                if self._freezes_new:
                    connection.flowing.clear()
            client, server = connection.ends
            for source, sink in ((client, server), (server, client)):
                threading.Thread(
                    target=self._pump, args=(connection, source, sink), daemon=True
                ).start()

    def _connect(self) -> socket.socket:
        if isinstance(self.target, str):
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            return server
        return socket.create_connection(self.target)

    def _pump(self, connection: _Connection, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if source is connection.ends[1]:
                    self.num_reply_bytes += len(data)
                    if self.drops_replies:
                        continue
                connection.flowing.wait()
                time.sleep(self.delay_seconds)
                sink.sendall(data)
        connection.flowing.wait()
        with self._lock, suppress(ValueError):
            self._connections.remove(connection)
        connection.close()


@contextmanager
def proxying(target: Target) -> Iterator[Proxy]:
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
