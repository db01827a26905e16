"""Reserving and sharing a port."""

import socket
from contextlib import ExitStack

import pytest

from app.errors import Unavailable
from app.processes.ports import reserve_port, share_port

HOST = "127.0.0.1"


def test_a_reserved_port_refuses_connections_until_a_process_listens() -> None:
    with reserve_port(HOST, 0) as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port), timeout=5)
        with share_port(HOST, port) as one:
            one.listen()
            socket.create_connection((HOST, port), timeout=5).close()
            one.accept()[0].close()


def test_all_sockets_on_a_shared_port_get_connections() -> None:
    with ExitStack() as stack:
        port = stack.enter_context(reserve_port(HOST, 0))
        listeners = [stack.enter_context(share_port(HOST, port)) for _ in range(2)]
        for listener in listeners:
            listener.listen()
            listener.setblocking(False)
        for _ in range(64):
            stack.enter_context(socket.create_connection((HOST, port), timeout=5))
        accepted = [count_waiting(listener) for listener in listeners]
        assert sum(accepted) == 64
        assert min(accepted) > 0


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_port_in_use_cannot_be_reserved(is_shared: bool) -> None:
    with ExitStack() as stack:
        if is_shared:
            taken = stack.enter_context(share_port(HOST, 0))
            taken.listen()
        else:
            taken = stack.enter_context(socket.create_server((HOST, 0)))
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"Cannot listen on {HOST}:{port} .*GRAFT_PORT"):
            stack.enter_context(reserve_port(HOST, port))


def test_sockets_have_the_protocol_number_of_tcp() -> None:
    """asyncio sets TCP_NODELAY only on sockets with this number."""
    with share_port(HOST, 0) as shared:
        assert shared.proto == socket.IPPROTO_TCP


def count_waiting(listener: socket.socket) -> int:
    num = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return num
        num += 1
