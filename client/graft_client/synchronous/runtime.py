"""What differs between threads and an event loop; `asynchronous/runtime.py` has the same names.

These two modules are written by hand. Every other module here is generated from its namesake in
`asynchronous` by `graft_client.sync_generator`.
"""

import time
from collections.abc import Iterator

import httpx

IS_ASYNC = False

_PEEK_SECONDS = 10.0

sleep = time.sleep


def iterate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks of an iterator that reads files."""
    return chunks


def next_part(parts: Iterator[bytes]) -> bytes | None:
    """Return the next item of an iterator that reads files, or None."""
    return next(parts, None)


def peek(http: httpx.Client, path: str) -> bytes | None:
    """Return the body of an answer that a display can do without; None if it cannot be had soon."""
    try:
        response = http.get(path, timeout=_PEEK_SECONDS)
    except httpx.HTTPError:
        return None
    return response.content if response.is_success else None
