"""What differs between an event loop and threads; `synchronous/runtime.py` has the same names.

These two modules are written by hand. Every other module of `synchronous` is generated from its
namesake here by `graft_client.sync_generator`.
"""

from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.to_thread
import httpx

IS_ASYNC = True

sleep = anyio.sleep


async def iterate(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks of an iterator that reads files; a thread reads them."""
    while (chunk := await anyio.to_thread.run_sync(next, chunks, None)) is not None:
        yield chunk


async def next_part(parts: Iterator[bytes]) -> bytes | None:
    """Return the next item of an iterator that reads files, or None; a thread reads it."""
    return await anyio.to_thread.run_sync(next, parts, None)


def peek(http: httpx.AsyncClient, path: str) -> bytes | None:
    """Return None: a notebook shows an object without awaiting, so nothing can be fetched for it.

    http and path are the service and what the display could do with.
    """
    del http, path
    return None
