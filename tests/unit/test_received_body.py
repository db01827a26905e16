"""Bodies that arrive slowly, or that are too large."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.types import Message

from app.errors import BodyTooLarge
from app.request_errors import RequestTimeout
from app.web.received_body import ReceivedBody


def body_of(
    chunks: Iterable[bytes],
    *,
    is_whole: bool = False,
    pause: float = 0,
    max_seconds: float | None = None,
    stall_seconds: float = 0.05,
) -> ReceivedBody:
    """A body of chunks with a pause before each, then its end or silence."""
    waiting = list(chunks)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        if waiting:
            chunk = waiting.pop(0)
            return {
                "type": "http.request",
                "body": chunk,
                "more_body": bool(waiting) or not is_whole,
            }
        await asyncio.sleep(0 if is_whole else 3600)
        return {"type": "http.disconnect"}

    return ReceivedBody(
        receive, max_bytes=100_000, stall_seconds=stall_seconds, max_seconds=max_seconds
    )


def read(body: ReceivedBody) -> int:
    async def read_all() -> int:
        while not body.is_complete:
            await body()
        return body.num_bytes

    return asyncio.run(read_all())


def test_a_whole_body_is_counted() -> None:
    assert read(body_of([b"a" * 10, b"b" * 5], is_whole=True)) == 15


def test_a_silent_client_is_refused() -> None:
    with pytest.raises(RequestTimeout, match="less than 4096 bytes"):
        read(body_of([b"a" * 5000]))


def test_a_trickle_counts_as_silence() -> None:
    with pytest.raises(RequestTimeout, match="less than 4096 bytes"):
        read(body_of([b"a"] * 1000, pause=0.005))


def test_a_body_has_a_deadline() -> None:
    body = body_of([b"a" * 50] * 1000, pause=0.005, max_seconds=0.05, stall_seconds=60)
    with pytest.raises(RequestTimeout, match=r"within 0\.05 seconds"):
        read(body)


def test_the_time_of_the_reader_does_not_count() -> None:
    body = body_of([b"a"] * 3, is_whole=True, stall_seconds=0.05, max_seconds=0.05)

    async def read_slowly() -> int:
        while not body.is_complete:
            await body()
            await asyncio.sleep(0.06)
        return body.num_bytes

    assert asyncio.run(read_slowly()) == 3


def test_after_the_body_there_is_no_deadline() -> None:
    body = body_of([b"a"], is_whole=True, stall_seconds=0.01)

    async def read_and_wait() -> Message:
        await body()
        return await body()

    assert asyncio.run(read_and_wait()) == {"type": "http.disconnect"}


def test_a_large_body_is_refused_as_it_arrives() -> None:
    with pytest.raises(BodyTooLarge):
        read(body_of([b"a" * 60_000] * 2, is_whole=True))


def test_what_arrives_can_be_refused() -> None:
    body = body_of([b"a" * 3, b"b" * 4], is_whole=True)
    pieces: list[int] = []
    body.on_arrival = pieces.append
    assert read(body) == sum(pieces) == 7
