# Written by graft_client.sync_generator from asynchronous/events.py: change that file.
"""Follow a job's events over server-sent events; reconnects after broken connections."""

from collections.abc import Iterator

import httpx
from httpx_sse import EventSource, ServerSentEvent

from graft_client.answers import require_success, validated
from graft_client.errors import ConnectionFailed, Unavailable, unexpected_answer
from graft_client.schemas.jobs import JobEvent, Progress
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.runtime import sleep
from graft_client.waiting import Deadline

RECONNECT_SECONDS = 0.5
MAX_RECONNECTS = 20
"""Largest number of consecutive failed connections before the error is raised."""

_READ_TIMEOUT_SECONDS = 60.0  # the service sends a comment more often than that


def follow_events(
    connection: Connection, job_id: str, *, after: int = 0, deadline: Deadline
) -> Iterator[JobEvent | Progress]:
    """Yield a job's events with a number above `after`, and its progress in between.

    The iteration ends when the job has ended. After a broken connection it reconnects and continues
    after the last received event, so each event is yielded once. Raises ApiError; ConnectionFailed
    after MAX_RECONNECTS consecutive failed connections; WaitTimeout at the deadline, which is
    checked whenever the service sends an event or a keep-alive comment.
    """
    num_failures = 0
    while True:
        try:
            for message in _read_stream(connection, job_id, after, deadline):
                num_failures = 0
                content = message.json()
                if message.event == "progress":
                    yield validated(Progress, content, connection.url)
                else:
                    after = int(message.id)
                    yield validated(JobEvent, content, connection.url)
        except (httpx.TransportError, Unavailable) as error:
            num_failures += 1
            deadline.check()
            if num_failures > MAX_RECONNECTS:
                if isinstance(error, Unavailable):
                    raise
                raise ConnectionFailed(
                    "CONNECTION_FAILED",
                    f"The connection to {connection.url} was lost {num_failures} times in a row "
                    f"({error}). The job continues; follow it again.",
                ) from error
            sleep(RECONNECT_SECONDS)
        else:
            return


def _read_stream(
    connection: Connection, job_id: str, after: int, deadline: Deadline
) -> Iterator[ServerSentEvent]:
    headers = {"Accept": "text/event-stream"}
    if after:
        headers["Last-Event-ID"] = str(after)
    http = connection.http
    timeout = httpx.Timeout(http.timeout.connect, read=deadline.limit(_READ_TIMEOUT_SECONDS))
    path = f"/jobs/{job_id}/events/stream"
    with http.stream("GET", path, headers=headers, timeout=timeout) as response:
        if not response.is_success:
            response.read()
            require_success(response)
        content_type = response.headers.get("content-type", "")
        if not content_type.startswith("text/event-stream"):
            what = f"content type '{content_type}' instead of 'text/event-stream'"
            raise unexpected_answer(response.status_code, str(response.url), what)
        for message in EventSource(response).iter_sse():
            deadline.check()
            if message.data:  # httpx-sse also yields the comments that keep the connection open
                yield message
