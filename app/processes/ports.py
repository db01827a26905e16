"""Reserve the API's port, and share it between processes."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Unavailable

BACKLOG = 2048
"""Pending connections of a socket (uvicorn's default)."""


@contextmanager
def listening(host: str, port: int, num_sockets: int) -> Iterator[list[socket.socket]]:
    """Open listening sockets that share a port; connections wait until a process accepts them."""
    sockets = [share_port(host, port) for _ in range(num_sockets)]
    try:
        for one in sockets:
            one.listen(BACKLOG)
        yield sockets
    finally:
        close_all(sockets)


def close_all(sockets: list[socket.socket]) -> None:
    """Close this process's copies of the sockets, and empty the list."""
    while sockets:
        sockets.pop().close()


@contextmanager
def reserve_port(host: str, port: int) -> Iterator[int]:
    """Reserve a port for processes that use `share_port`; 0 picks a free one.

    The socket here does not listen, so the kernel gives it no connections.
    Raises Unavailable if another process listens on the port.
    """
    with _open(host) as probe:
        # Without SO_REUSEPORT, binding fails if another process has the port already.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, port)
        port = probe.getsockname()[1]
    with share_port(host, port):
        yield port


def share_port(host: str, port: int) -> socket.socket:
    """Open a socket on a port that other sockets use, too; the kernel distributes connections.

    Source: Linux, socket(7), SO_REUSEPORT. Raises Unavailable if a socket has the port exclusively.
    """
    shared = _open(host)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(shared, host, port)
    return shared


def _open(host: str) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets with this protocol number.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def _bind(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}); "
            "set GRAFT_PORT to another port, or to 0 for any free one."
        ) from error
