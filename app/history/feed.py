"""Share one reader of the database among all streams of job events of a process."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import NamedTuple

from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.history.schemas import EventView
from app.jobs.schemas import Progress

POLL_SECONDS = 0.5
NUM_KEPT = 200
"""Events of a job that its streams get from memory; one that is further behind reads by itself."""

log = logging.getLogger(__name__)


class JobState(NamedTuple):
    """What has happened to a job: new events, the number of its newest one, and its progress."""

    events: list[EventView]
    newest: int
    progress: Progress
    has_ended: bool


class Numbered(NamedTuple):
    """An event with its number."""

    number: int
    event: ServerSentEvent


ReadJobs = Callable[[Mapping[str, int | None]], dict[str, JobState]]
"""Reads the states of jobs with their events after a number; none for None."""


@dataclass
class FollowedJob:
    """The state of a job that streams follow; `changed` is replaced when it is set."""

    num_followers: int = 0
    newest: int | None = None
    recent: deque[Numbered] = field(default_factory=lambda: deque(maxlen=NUM_KEPT))
    progress: Progress | None = None
    has_ended: bool = False
    is_gone: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def list_after(self, number: int) -> list[Numbered] | None:
        """Return the events after a number; None if this process does not have all of them."""
        if self.newest is None or number >= self.newest:
            return []
        first = self.recent[0].number if self.recent else self.newest + 1
        if number < first - 1:
            return None
        return [one for one in self.recent if one.number > number]

    def update(self, state: JobState | None) -> None:
        """Take over what was read, and wake the streams if it is new; None for a deleted job."""
        if state is None:
            self.is_gone = True
        else:
            is_same = (self.newest, self.progress, self.has_ended) == state[1:]
            if is_same:
                return
            self.recent.extend(map(number_event, state.events))
            _, self.newest, self.progress, self.has_ended = state
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class JobFeed:
    """Polls the followed jobs, all at once, while there is a stream; belongs to one event loop."""

    def __init__(self, read: ReadJobs, *, poll_seconds: float = POLL_SECONDS) -> None:
        """`read` is called in a thread."""
        self._read = read
        self._poll_seconds = poll_seconds
        self._jobs: dict[str, FollowedJob] = {}
        self._poller: asyncio.Task[None] | None = None
        self._is_failing = False

    @property
    def is_idle(self) -> bool:
        """Whether there is no stream, and so no poller."""
        return self._poller is None

    @contextmanager
    def following(self, job_id: str) -> Iterator[FollowedJob]:
        """Keep a job's state up to date while the block runs."""
        job = self._jobs.setdefault(job_id, FollowedJob())
        job.num_followers += 1
        if self._poller is None:
            # in an empty context, because a request's would name that request in logs
            self._poller = asyncio.create_task(self._poll(), context=Context())
        try:
            yield job
        finally:
            job.num_followers -= 1
            if not job.num_followers and self._jobs.get(job_id) is job:
                del self._jobs[job_id]
            if not self._jobs and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    def close(self) -> None:
        """End all streams."""
        for job in self._jobs.values():
            job.update(None)

    async def _poll(self) -> None:
        while True:
            newest = {job_id: job.newest for job_id, job in self._jobs.items()}
            states = await self._try_to_read(newest)
            if states is not None:
                for job_id in newest:
                    if job := self._jobs.get(job_id):
                        job.update(states.get(job_id))
            await asyncio.sleep(self._poll_seconds)

    async def _try_to_read(self, newest: Mapping[str, int | None]) -> dict[str, JobState] | None:
        try:
            states = await run_in_threadpool(self._read, newest)
        except Exception as error:  # noqa: BLE001 - every driver has its own errors
            if not self._is_failing:
                log.warning("job events cannot be read from the database: %s", error)
            self._is_failing = True
            return None
        self._is_failing = False
        return states


def number_event(event: EventView) -> Numbered:
    """Return an event as it is sent to all streams."""
    data = event.model_dump(mode="json")
    return Numbered(
        event.event_number,
        ServerSentEvent(id=str(event.event_number), event=event.type, data=data),
    )
