"""Count a request's body while it arrives, and refuse it if it is too large or too slow."""

import asyncio
import time
from collections.abc import Callable

from starlette.types import Message, Receive

from app.errors import BodyTooLarge, InputError
from app.request_errors import RequestTimeout

SCOPE_BODY = "graft.body"
"""Where the ASGI scope has the request's ReceivedBody."""

MIN_BYTES = 4096
"""A client that sends less within the stall timeout counts as stalled."""

OnArrival = Callable[[int], None]


class ReceivedBody:
    """An ASGI `receive` with limits; only the time that it waits for the client counts.

    on_arrival is called with the size of each piece before a route gets it, and may raise.
    """

    def __init__(
        self,
        receive: Receive,
        *,
        max_bytes: int,
        stall_seconds: float,
        max_seconds: float | None,
    ) -> None:
        self.num_bytes = 0
        self.is_complete = False
        self.on_arrival: OnArrival | None = None
        self._receive = receive
        self._max_bytes = max_bytes
        self._stall_seconds = self._stall_left = stall_seconds
        self._max_seconds = self._seconds_left = max_seconds
        self._recent_bytes = 0

    async def __call__(self) -> Message:
        """Return the next message; raises BodyTooLarge and RequestTimeout."""
        if self.is_complete:
            return await self._receive()  # the end of the connection
        message = await self._receive_in_time()
        piece = len(message.get("body", b""))
        self.is_complete = not message.get("more_body", False)
        self.num_bytes += piece
        if self.num_bytes > self._max_bytes:
            raise make_too_large(self._max_bytes)
        self._recent_bytes += piece
        if self._recent_bytes >= MIN_BYTES:
            self._stall_left, self._recent_bytes = self._stall_seconds, 0
        if self.on_arrival is not None:
            self.on_arrival(piece)
        return message

    async def _receive_in_time(self) -> Message:
        asked_at = time.monotonic()
        limits = (self._stall_left, self._seconds_left)
        try:
            async with asyncio.timeout(min(limit for limit in limits if limit is not None)):
                return await self._receive()
        except TimeoutError as error:
            raise self._describe_slowness() from error
        finally:
            seconds = time.monotonic() - asked_at
            self._stall_left -= seconds
            if self._seconds_left is not None:
                self._seconds_left -= seconds

    def _describe_slowness(self) -> RequestTimeout:
        if self._seconds_left is not None and self._seconds_left <= self._stall_left:
            return RequestTimeout(
                f"The body did not arrive within {self._max_seconds:g} seconds; {self.num_bytes} "
                "bytes did. Send less at once, or over a faster connection."
            )
        return RequestTimeout(
            f"The client sent less than {MIN_BYTES} bytes of the body in {self._stall_seconds:g} "
            "seconds; send the request again."
        )


def make_too_large(limit: int) -> InputError:
    """Return the error of a body above its limit."""
    return BodyTooLarge(f"The body is larger than the {limit} bytes allowed here.")
