"""Following a job: its numbered events once each, across broken connections."""

import json
import time
from collections.abc import Iterator

import httpx

from client.errors import require_success
from client.resources.jobs import JobEvent, Progress
from client.sse import Message, parse_messages

RECONNECT_SECONDS = 0.5
MAX_RECONNECTS = 20
"""Connections in a row that may bring nothing before the reader gives up."""

_READ_TIMEOUT_SECONDS = 60.0  # the service sends a comment more often than that


def follow_events(
    http: httpx.Client, job_id: str, *, after: int = 0
) -> Iterator[JobEvent | Progress]:
    """Yield a job's events with a number above `after`, and its progress in between.

    Ends with the job. A connection that breaks is opened again behind the last event seen, so none
    is missed or repeated. Raises ApiError, or httpx.TransportError once MAX_RECONNECTS connections
    in a row brought nothing.
    """
    num_silent = 0
    while True:
        try:
            for message in _read_stream(http, job_id, after):
                num_silent = 0
                if message.id is None:
                    yield Progress.model_validate_json(message.data)
                else:
                    after = int(message.id)
                    yield JobEvent.model_validate(json.loads(message.data))
        except httpx.TransportError:
            num_silent += 1
            if num_silent > MAX_RECONNECTS:
                raise
            time.sleep(RECONNECT_SECONDS)
        else:
            return


def _read_stream(http: httpx.Client, job_id: str, after: int) -> Iterator[Message]:
    headers = {"Accept": "text/event-stream"}
    if after:
        headers["Last-Event-ID"] = str(after)
    timeout = httpx.Timeout(http.timeout.connect, read=_READ_TIMEOUT_SECONDS)
    with http.stream(
        "GET", f"/jobs/{job_id}/events/stream", headers=headers, timeout=timeout
    ) as response:
        if not response.is_success:
            response.read()
            require_success(response)
        yield from parse_messages(response.iter_lines())
