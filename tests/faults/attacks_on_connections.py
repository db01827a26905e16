"""Crowds of clients that are slow, idle or many, on sockets of one event loop."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.faults.attacks_on_api import PICTURE, read_memory
from tests.faults.cluster import Cluster

_BOUNDARY = "graft"
_FORM = (
    (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode()
    + PICTURE
    + f"\r\n--{_BOUNDARY}--\r\n".encode()
)


@dataclass
class Crowd:
    """What clients of one kind were answered; 0 is a connection closed without an answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    without_retry_after: int = 0

    async def note(self, client: Awaitable[tuple[int, bytes]]) -> None:
        start = time.monotonic()
        try:
            status, head = await client
        except (OSError, asyncio.IncompleteReadError, EOFError):
            status, head = 0, b""
        self.statuses[status] += 1
        self.seconds.append(time.monotonic() - start)
        self.without_retry_after += status in {429, 503} and b"retry-after:" not in head.lower()


Client = Callable[[str, int], Awaitable[tuple[int, bytes]]]
"""Connects to a host and port; returns the answer's status and head."""


def gather_crowd(url: str, client: Client, number: int, *, at_once: int | None = None) -> Crowd:
    """Run this many clients, and return what they were answered."""
    _raise_file_limit()
    address = urlsplit(url)
    crowd, host, port = Crowd(), str(address.hostname), int(address.port or 80)

    async def run() -> None:
        places = asyncio.Semaphore(at_once or number)

        async def one() -> None:
            async with places:
                await crowd.note(client(host, port))

        await asyncio.gather(*(one() for _ in range(number)))

    asyncio.run(run())
    return crowd


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def trickle_body(host: str, port: int) -> tuple[int, bytes]:
    """Send a predict body whose image comes at one byte a second."""
    begun = _FORM[: _FORM.index(PICTURE)]
    return await _send_slowly(host, port, _head("/predict", 100_000) + begun, b"-")


async def leave_headers_half_sent(host: str, port: int) -> tuple[int, bytes]:
    return await _send_slowly(host, port, b"GET /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", b"")


async def leave_body_idle(host: str, port: int) -> tuple[int, bytes]:
    """Begin a predict body of unknown length, and send nothing more."""
    head = _head("/predict", None) + b"5\r\n--gra\r\n"
    return await _send_slowly(host, port, head, b"")


async def send_huge_header(
    host: str, port: int, *, num_bytes: int = 100_000_000
) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
    with suppress(OSError):  # the service closes the connection long before the end
        for _ in range(num_bytes // 65_536):
            writer.write(b"a" * 65_536)
            await writer.drain()
    return await _read_answer(reader, writer)


async def predict_once(host: str, port: int) -> tuple[int, bytes]:
    """Send one image, and read the whole answer."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(_head("/predict", len(_FORM)) + _FORM)
    await writer.drain()
    return await _read_answer(reader, writer)


async def _send_slowly(host: str, port: int, head: bytes, piece: bytes) -> tuple[int, bytes]:
    """Send a head, then a piece each second until there is an answer."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head)
    answer = asyncio.ensure_future(_read_answer(reader, writer))
    while not (await asyncio.wait({answer}, timeout=1))[0]:
        with suppress(OSError):
            writer.write(piece)
    return await answer


async def _read_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[int, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line[:15] == b"content-length:"
            ),
            0,
        )
        await reader.readexactly(length)
        return int(head.split(b" ", 2)[1]), head
    finally:
        writer.close()


def _head(path: str, length: int | None) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{size}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
    ).encode()


def find_api(cluster: Cluster) -> int:
    (api,) = cluster.graft.list_pids("graft api")
    return api


def measure_memory(cluster: Cluster) -> int:
    """Return the largest memory that the API has had, in MiB."""
    return read_memory(find_api(cluster), "VmHWM")
