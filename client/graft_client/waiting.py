"""Limit the time that the client waits for the service."""

import time

from graft_client.errors import WaitTimeout

FIRST_POLL_SECONDS = 0.2
LAST_POLL_SECONDS = 2.0

WAIT_SECONDS = 3600.0
"""Default limit for a dataset, and for a result that a worker computes."""

LONG_WAIT_SECONDS = 24 * 3600.0
"""Default limit for jobs, studies and batches."""


class Deadline:
    """The time at which the client stops waiting, counted from its creation."""

    def __init__(self, subject: str, timeout_seconds: float | None) -> None:
        """`subject` is named in errors; `timeout_seconds` None means no limit."""
        self._subject = subject
        self._timeout_seconds = timeout_seconds
        self._end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._poll_seconds = FIRST_POLL_SECONDS

    def check(self) -> None:
        """Raise WaitTimeout when the time is over."""
        if self._end is not None and time.monotonic() >= self._end:
            raise WaitTimeout(self._subject, self._timeout_seconds or 0.0)

    def limit(self, seconds: float) -> float:
        """Return `seconds`, or the time left where that is less; raises WaitTimeout."""
        self.check()
        if self._end is None:
            return seconds
        return max(0.001, min(seconds, self._end - time.monotonic()))

    def next_poll(self) -> float:
        """Return the seconds until the next poll, each time a little more; raises WaitTimeout."""
        seconds = self._poll_seconds
        self._poll_seconds = min(LAST_POLL_SECONDS, seconds * 1.2)
        return self.limit(seconds)
