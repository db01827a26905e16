"""HTTP/1.1 connections with deadlines and limits, which the server class itself does not have.

Bodies have their own limits, in `app.web.middleware`.
"""

import asyncio
import resource
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.errors import GraftError, Overloaded
from app.request_errors import BadRequest, HeadersTooLarge, RequestTimeout
from app.settings import Settings
from app.web.problems import problem_response
from app.web.security_headers import SECURITY_HEADERS

LINGER_SECONDS = 30.0
"""How long the rest of a body is read and ignored after the answer (nginx's lingering_time)."""

REFUSAL_SECONDS = 2.0
"""How long a client has to read a refusal before its connection is cut."""

_OTHER_FILES = 160
"""Open files that a process needs besides its connections: database, models, images, sockets."""

_LINE_BYTES = 4
"""Colon, space and line end of a header."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of an API process's connections; times in seconds."""

    header_seconds: float
    send_seconds: float
    max_header_bytes: int
    max_connections: int


def find_limits(settings: Settings) -> ConnectionLimits:
    """Return the configured limits, and as many connections as this process may open files.

    Raises the soft limit of open files to the hard one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    num_files = settings.max_connections if hard == resource.RLIM_INFINITY else hard - _OTHER_FILES
    return ConnectionLimits(
        header_seconds=settings.header_seconds,
        send_seconds=settings.send_seconds,
        max_header_bytes=settings.max_header_bytes,
        max_connections=max(8, min(settings.max_connections, num_files)),
    )


class LimitedProtocol(HttpToolsProtocol):
    """A connection that is closed when its client is too slow or sends too much.

    Headers that arrive late get 408, headers that are too large 431, malformed HTTP 400. When a
    process has too many connections, the one that has waited longest for its client is closed.
    """

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._in_headers = True
        self._header_bytes = 0
        self._quiet_bytes = 0
        """Bytes since the last piece of a body: of headers, trailers or chunk extensions."""
        # uvloop's own clock counts milliseconds, in which several connections may begin to wait
        self._waits_since = self._received_at = time.monotonic()
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._refusal: GraftError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._start_deadline(self._limits.header_seconds, self._on_late_headers)
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_deadline()
        self._unset_keepalive_if_required()
        if self._send_deadline is not None:
            self._send_deadline.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._received_at = time.monotonic()
        self._quiet_bytes += len(data)
        super().data_received(data)
        if self._refusal is not None or self.transport.is_closing():
            return
        if self._quiet_bytes > self._limits.max_header_bytes:
            self._refuse(self._describe_size())
        elif self._in_headers and self._deadline is None and (self._header_bytes or self._is_idle):
            self._start_deadline(self._limits.header_seconds, self._on_late_headers)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 1

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_header(len(name) + len(value) + _LINE_BYTES)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._quiet_bytes = 0
        self._stop_deadline()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._quiet_bytes = self._header_bytes = 0
        if self.cycle.response_complete:  # the rest of a body that was answered before its end
            self.cycle.more_body = False
            self._stop_deadline()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        is_last = not self.pipeline
        self._waits_since = time.monotonic()
        super().on_response_complete()
        if is_last and self.cycle.more_body and not self.transport.is_closing():
            self._start_deadline(LINGER_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_deadline = self.loop.call_later(self._limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser has rejected: malformed HTTP, or headers that are too large."""
        self._refuse(self._refusal or BadRequest(f"{msg} Send well-formed HTTP/1.1."))

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def find_wait(self) -> float | None:
        """Return since when the service waits for this client; None while it works on a request."""
        if self._is_idle:
            return self._waits_since
        return self._received_at if self.cycle.more_body else None

    def _make_room(self) -> None:
        waits = {
            one: since
            for one in self.connections
            if isinstance(one, LimitedProtocol) and one is not self
            if (since := one.find_wait()) is not None
        }
        if not waits:
            self._refuse(Overloaded("The service has too many connections; try again."))
            return
        oldest = min(waits, key=waits.__getitem__)
        self.connections.discard(oldest)
        oldest.transport.abort()

    def _count_header(self, num_bytes: int) -> None:
        self._header_bytes += num_bytes
        if self._header_bytes > self._limits.max_header_bytes:
            self._refusal = self._describe_size()
            raise self._refusal  # it ends the parser, and `send_400_response` answers

    def _describe_size(self) -> HeadersTooLarge:
        return HeadersTooLarge(
            f"The request's line and headers are larger than the {self._limits.max_header_bytes} "
            "bytes allowed (GRAFT_MAX_HEADER_BYTES)."
        )

    def _on_late_headers(self) -> None:
        self._deadline = None
        if not self._is_idle:  # it is busy with the request before
            self._start_deadline(self._limits.header_seconds, self._on_late_headers)
        elif self._header_bytes:
            seconds = self._limits.header_seconds
            self._refuse(RequestTimeout(f"The headers did not arrive within {seconds:g} seconds."))
        else:
            self.transport.close()

    def _start_deadline(self, seconds: float, on_end: Callable[[], None]) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(seconds, on_end)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, error: GraftError) -> None:
        """Answer in place of the application, and end the connection."""
        self._refusal = error
        self._stop_deadline()
        if self.transport.is_closing():
            return
        if not self._is_idle and self.cycle.response_started:
            self.transport.abort()
            return
        path = getattr(self, "url", b"/").partition(b"?")[0].decode("latin-1")
        request_id = f"req_{secrets.token_hex(8)}"
        answer = problem_response(error, instance=path or "/", request_id=request_id)
        headers = [
            *self.server_state.default_headers,
            *answer.raw_headers,
            *SECURITY_HEADERS,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        lines = [b": ".join(header) for header in headers]
        head = STATUS_LINE[answer.status_code] + b"\r\n".join(lines) + b"\r\n\r\n"
        self.transport.write(head + bytes(answer.body))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # Closed at once, the connection would be reset by what the client still sends, and the
        # client would not see the answer.
        self.transport.write_eof()
        self._start_deadline(REFUSAL_SECONDS, self.transport.abort)
