"""Connections that are slow, too large or malformed, against a server on loopback."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.processes.http_protocol import ConnectionLimits, LimitedProtocol

if TYPE_CHECKING:
    from asyncio import Protocol

LIMITS = ConnectionLimits(
    header_seconds=60, send_seconds=60, max_header_bytes=4096, max_connections=100
)
GOOD = b"GET /good HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, without the request's body; `/large` has an answer of 16 MiB."""
    content = bytes(16 * 2**20) if scope["path"] == "/large" else b"good"
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@contextmanager
def serving(**limits: float) -> Iterator[Callable[[], socket.socket]]:
    """Run a server; yields a function that opens a connection to it."""
    protocol = partial(LimitedProtocol, limits=replace(LIMITS, **limits))  # type: ignore[arg-type]  # names of fields
    config = uvicorn.Config(
        answer, http=cast("type[Protocol]", protocol), ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        opened: list[socket.socket] = []

        def connect() -> socket.socket:
            opened.append(socket.create_connection(address, timeout=20))
            return opened[-1]

        try:
            yield connect
        finally:
            for one in opened:
                one.close()
            server.should_exit = True
            thread.join()


def read_to_end(connection: socket.socket) -> bytes:
    received = bytearray()
    while chunk := connection.recv(65536):
        received += chunk
    return bytes(received)


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """Send a request; return its answer, which may arrive in pieces; empty if there is none."""
    connection.sendall(request)
    received = bytearray()
    while not received.endswith(b"good") and (chunk := connection.recv(65536)):
        received += chunk
    return bytes(received)


def exchange_or_nothing(connection: socket.socket) -> bytes:
    try:
        return exchange(connection, GOOD)
    except ConnectionError:
        return b""


def read_problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    problem: dict[str, Any] = json.loads(body)
    assert b"content-type: application/problem+json" in head
    assert b"x-content-type-options: nosniff" in head
    assert f"x-request-id: {problem['request_id']}".encode() in head
    assert int(head.split()[1]) == problem["status"]
    return problem["status"], problem["code"]


@pytest.mark.parametrize(
    "begun", [b"G", b"GET /half HTTP/1.1\r\nHost: lo", b"GET / HTTP/1.1\r\nHost: localhost\r\n"]
)
@pytest.mark.parametrize("is_first", [True, False])
def test_half_sent_headers_are_refused_at_their_deadline(begun: bytes, *, is_first: bool) -> None:
    with serving(header_seconds=0.2) as connect:
        connection = connect()
        if not is_first:
            assert exchange(connection, GOOD).startswith(b"HTTP/1.1 200")
        connection.sendall(begun)
        assert read_problem(read_to_end(connection)) == (408, "REQUEST_TIMEOUT")


def test_a_connection_without_a_request_is_closed() -> None:
    with serving(header_seconds=0.2) as connect:
        assert read_to_end(connect()) == b""


def test_empty_lines_keep_no_connection_open() -> None:
    with serving(header_seconds=0.2) as connect:
        connection = connect()
        assert exchange(connection, GOOD).startswith(b"HTTP/1.1 200")
        connection.sendall(b"\r\n")
        assert read_to_end(connection) == b""


def test_a_body_is_not_bound_to_the_deadline_of_headers() -> None:
    with serving(header_seconds=0.1) as connect:
        connection = connect()
        connection.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        slow = connect()
        assert read_to_end(slow) == b""  # longer than the deadline has passed
        assert exchange(connection, b"2").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"a" * 5000, id="value without an end"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"a" * 5000 + b"\r\n\r\n", id="value"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n", id="many"),
        pytest.param(b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", id="path"),
        pytest.param(
            b"POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: "
            + b"a" * 600_000,
            id="trailer",
        ),
    ],
)
def test_large_headers_are_refused(request_bytes: bytes) -> None:
    with serving() as connect:
        connection = connect()
        connection.sendall(request_bytes)
        assert read_problem(read_to_end(connection)) == (431, "HEADERS_TOO_LARGE")
        assert exchange(connect(), GOOD).startswith(b"HTTP/1.1 200")


def test_a_body_larger_than_the_headers_may_be_is_read() -> None:
    body = b"a" * 100_000
    with serving() as connect:
        request = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + body
        assert exchange(connect(), request).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"hello\r\n\r\n", id="text"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", id="header"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", id="length"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            id="two lengths",
        ),
        pytest.param(
            b"POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            id="chunk",
        ),
    ],
)
def test_malformed_http_is_answered_as_a_problem(request_bytes: bytes) -> None:
    with serving() as connect:
        connection = connect()
        connection.sendall(request_bytes)
        assert read_problem(read_to_end(connection)) == (400, "BAD_REQUEST")


def test_the_oldest_waiting_connection_makes_room_for_a_new_one() -> None:
    with serving(max_connections=3) as connect:
        waiting = [connect() for _ in range(3)]
        for one in waiting:
            assert exchange(one, GOOD).startswith(b"HTTP/1.1 200")
        assert exchange(connect(), GOOD).startswith(b"HTTP/1.1 200")
        assert exchange(waiting[1], GOOD).startswith(b"HTTP/1.1 200")
        assert exchange_or_nothing(waiting[0]) == b""


def test_a_half_sent_body_makes_room_too() -> None:
    with serving(max_connections=1) as connect:
        slow = connect()
        slow.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n1")
        assert exchange(connect(), GOOD).startswith(b"HTTP/1.1 200")


def test_a_client_that_takes_no_answer_is_cut() -> None:
    with serving(send_seconds=0.2) as connect:
        connection = connect()
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        waiting = connect()
        for _ in range(50):  # more requests than fit into the time allowed
            assert exchange(waiting, GOOD).startswith(b"HTTP/1.1 200")
            threading.Event().wait(0.01)
        assert len(read_to_end(connection)) < 16 * 2**20
