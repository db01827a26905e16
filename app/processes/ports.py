"""The port of the API, which its processes share and nobody else gets."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Unavailable

BACKLOG = 2048
"""Connections that wait in a socket (uvicorn's own number)."""


@contextmanager
def listening(host: str, port: int, num_sockets: int) -> Iterator[list[socket.socket]]:
    """Open listening sockets that share a port; connections wait in them until somebody accepts."""
    sockets = [share_port(host, port) for _ in range(num_sockets)]
    try:
        for one in sockets:
            one.listen(BACKLOG)
        yield sockets
    finally:
        close_all(sockets)


def close_all(sockets: list[socket.socket]) -> None:
    """Close this process's copies of sockets, and forget them."""
    while sockets:
        sockets.pop().close()


@contextmanager
def reserve_port(host: str, port: int) -> Iterator[int]:
    """Keep a port from everyone but the processes that share it with this one; 0 picks a free one.

    The socket never listens: the kernel gives connections only to those that do.
    Raises Unavailable if something listens there.
    """
    with _open(host) as probe:
        # Sharing the port from the start would be sharing it with whoever has it already.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, port)
        port = probe.getsockname()[1]
    with share_port(host, port):
        yield port


def share_port(host: str, port: int) -> socket.socket:
    """A socket of one's own on a port that others listen on, too: each gets its connections.

    Source: Linux, socket(7), SO_REUSEPORT. Raises Unavailable if someone has it for himself.
    """
    shared = _open(host)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(shared, host, port)
    return shared


def _open(host: str) -> socket.socket:
    # By its protocol asyncio knows TCP, and sends answers without waiting for acknowledgements.
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
