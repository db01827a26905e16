"""Share one poller of the database among all event streams of a process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context

from starlette.concurrency import run_in_threadpool

from app.changes.snapshot import EVERYTHING, Changes, Snapshot, compare, merge
from app.db.tenancy import acting_for, current_tenant

POLL_SECONDS = 1.0

log = logging.getLogger(__name__)


class Listener:
    """The changes that one stream has not sent yet; a slow stream gets them merged."""

    def __init__(self) -> None:
        self._pending: Changes = {}
        self._is_closed = False
        self._wake = asyncio.Event()

    def add(self, changes: Changes) -> None:
        self._pending = merge(self._pending, changes)
        self._wake.set()

    def close(self) -> None:
        """End the stream."""
        self._is_closed = True
        self._wake.set()

    @property
    def has_changes(self) -> bool:
        """Whether there are changes that were not sent yet."""
        return bool(self._pending)

    async def follow(self) -> AsyncIterator[Changes]:
        """Yield changes as they happen, until the listener is closed."""
        while not self._is_closed:
            await self._wake.wait()
            self._wake.clear()
            pending, self._pending = self._pending, {}
            if pending and not self._is_closed:
                yield pending


class TenantFeeds:
    """The feeds of all tenants: a listener gets the changes of the tenant of its context."""

    def __init__(
        self,
        make_reader: Callable[[], Callable[[], Snapshot]],
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """`make_reader` returns what a feed reads its snapshots with."""
        self._make_reader = make_reader
        self._poll_seconds = poll_seconds
        self._feeds: dict[str, ChangeFeed] = {}

    @property
    def is_polling(self) -> bool:
        """Whether there is a listener."""
        return any(feed.is_polling for feed in self._feeds.values())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """Add a listener, which gets every change after the block has begun."""
        tenant = current_tenant()
        if tenant not in self._feeds:
            read = _acting_for(tenant, self._make_reader())
            self._feeds[tenant] = ChangeFeed(read, poll_seconds=self._poll_seconds)
        feed = self._feeds[tenant]
        async with feed.listening() as listener:
            yield listener
        if not feed.is_polling:
            self._feeds.pop(tenant, None)

    def close(self) -> None:
        """End all streams."""
        for feed in self._feeds.values():
            feed.close()


def _acting_for(tenant: str, read: Callable[[], Snapshot]) -> Callable[[], Snapshot]:
    def read_for_tenant() -> Snapshot:
        with acting_for(tenant):
            return read()

    return read_for_tenant


class ChangeFeed:
    """Polls snapshots while there is a listener, and gives every listener what has changed.

    It belongs to one event loop. While the database does not respond, listeners get nothing; once
    it does, they get what has changed since.
    """

    def __init__(self, read: Callable[[], Snapshot], *, poll_seconds: float = POLL_SECONDS) -> None:
        """`read` returns the current snapshot; it is called in a thread."""
        self._read = read
        self._poll_seconds = poll_seconds
        self._listeners: set[Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._has_started = asyncio.Event()
        self._is_failing = False

    @property
    def is_polling(self) -> bool:
        """Whether there is a listener, and so a poller."""
        return self._poller is not None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """Add a listener, which gets every change after the block has begun."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            if self._poller is None:
                self._has_started = asyncio.Event()
                # in an empty context, because a request's would name that request in logs
                self._poller = asyncio.create_task(self._poll(self._has_started), context=Context())
            await self._has_started.wait()
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    def close(self) -> None:
        """End all streams."""
        for listener in self._listeners:
            listener.close()

    async def _poll(self, has_started: asyncio.Event) -> None:
        before = await self._try_to_read()
        has_started.set()
        while True:
            await asyncio.sleep(self._poll_seconds)
            after = await self._try_to_read()
            if after is None:
                continue
            changes = EVERYTHING if before is None else compare(before, after)
            before = after
            if changes:
                for listener in self._listeners:
                    listener.add(changes)

    async def _try_to_read(self) -> Snapshot | None:
        try:
            snapshot = await run_in_threadpool(self._read)
        except Exception as error:  # noqa: BLE001 - every driver has its own errors
            if not self._is_failing:
                log.warning("changes cannot be read from the database: %s", error)
            self._is_failing = True
            return None
        self._is_failing = False
        return snapshot
