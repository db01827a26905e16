"""Follow a job's events over server-sent events; reconnects after broken connections."""

import json
import time
from collections.abc import Iterator

import httpx
from httpx_sse import EventSource, ServerSentEvent

from graft_client.errors import ApiError, require_success
from graft_client.resources.jobs import JobEvent, Progress
from graft_client.waiting import Deadline

RECONNECT_SECONDS = 0.5
MAX_RECONNECTS = 20
"""Largest number of consecutive failed connections before the error is raised."""

_READ_TIMEOUT_SECONDS = 60.0  # the service sends a comment more often than that


def follow_events(
    http: httpx.Client, job_id: str, *, after: int = 0, deadline: Deadline
) -> Iterator[JobEvent | Progress]:
    """Yield a job's events with a number above `after`, and its progress in between.

    The iteration ends when the job has ended. After a broken connection it reconnects and continues
    after the last received event, so each event is yielded once. Raises ApiError;
    httpx.TransportError after MAX_RECONNECTS consecutive failed connections; WaitTimeout at the
    deadline, which is checked whenever the service sends an event or a keep-alive comment.
    """
    num_failures = 0
    while True:
        try:
            for message in _read_stream(http, job_id, after, deadline):
                num_failures = 0
                if message.event == "progress":
                    yield Progress.model_validate_json(message.data)
                else:
                    after = int(message.id)
                    yield JobEvent.model_validate(json.loads(message.data))
        except httpx.TransportError:
            num_failures += 1
            deadline.check()
            if num_failures > MAX_RECONNECTS:
                raise
            time.sleep(RECONNECT_SECONDS)
        else:
            return


def _read_stream(
    http: httpx.Client, job_id: str, after: int, deadline: Deadline
) -> Iterator[ServerSentEvent]:
    headers = {"Accept": "text/event-stream"}
    if after:
        headers["Last-Event-ID"] = str(after)
    timeout = httpx.Timeout(http.timeout.connect, read=deadline.limit(_READ_TIMEOUT_SECONDS))
    with http.stream(
        "GET", f"/jobs/{job_id}/events/stream", headers=headers, timeout=timeout
    ) as response:
        if not response.is_success:
            response.read()
            require_success(response)
        content_type = response.headers.get("content-type", "")
        if not content_type.startswith("text/event-stream"):
            raise ApiError(
                "UNEXPECTED_ANSWER",
                f"{response.url} answered with content type '{content_type}' instead of "
                "'text/event-stream'; check the address of the service.",
                response.status_code,
            )
        for message in EventSource(response).iter_sse():
            deadline.check()
            if message.data:  # httpx-sse also yields the comments that keep the connection open
                yield message
