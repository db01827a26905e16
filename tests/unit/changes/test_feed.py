"""One poller for all streams of a process."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import OperationalError

from app.changes.feed import ChangeFeed, Listener, TenantFeeds
from app.changes.repository import SnapshotReader
from app.changes.snapshot import EVERYTHING, Changes, Snapshot
from app.db.session import Database
from app.db.tenancy import acting_for
from tests.datasets import add_dataset

SOON = 0.01
DATASETS: Changes = {"datasets": frozenset()}


class Source:
    """Reads a database, counts how often, and can pretend that the database is down."""

    def __init__(self, database: Database) -> None:
        self.reader = SnapshotReader(database)
        self.num_reads = 0
        self.is_down = False
        self.at_once = threading.Lock()

    def read(self) -> Snapshot:
        assert self.at_once.acquire(blocking=False), "two pollers read at the same time"
        try:
            self.num_reads += 1
            if self.is_down:
                raise OperationalError("SELECT 1", {}, Exception("the server is gone"))
            return self.reader.read()
        finally:
            self.at_once.release()

    async def wait_for_reads(self, number: int) -> None:
        """Wait until this many more reads have begun."""
        wanted = self.num_reads + number
        while self.num_reads < wanted:  # noqa: ASYNC110 - reads happen in another thread
            await asyncio.sleep(SOON)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


async def next_change(listener: Listener) -> Changes:
    return await anext(listener.follow())


def test_two_streams_share_one_poller(database: Database) -> None:
    source = Source(database)
    feed = ChangeFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        async with feed.listening() as first, feed.listening() as second:
            await source.wait_for_reads(3)
            await asyncio.to_thread(add_dataset, database)
            assert await next_change(first) == await next_change(second) == DATASETS
            assert len([one for one in asyncio.all_tasks() if "_poll" in repr(one)]) == 1

    run(test)


def test_nothing_is_read_without_listeners(database: Database) -> None:
    source = Source(database)
    feed = ChangeFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        await asyncio.sleep(10 * SOON)
        assert source.num_reads == 0
        async with feed.listening():
            async with feed.listening():
                await source.wait_for_reads(2)
            await source.wait_for_reads(2)  # one listener is left
        assert not feed.is_polling
        await asyncio.sleep(SOON)  # a read that had begun ends
        after = source.num_reads
        await asyncio.sleep(20 * SOON)
        assert source.num_reads == after

    run(test)


def test_a_change_before_the_first_poll_is_not_missed(database: Database) -> None:
    """The first snapshot is read before a stream says hello, so that its client reads after it."""
    source = Source(database)
    feed = ChangeFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        async with feed.listening() as listener:
            assert source.num_reads >= 1
            await asyncio.to_thread(add_dataset, database)
            assert await next_change(listener) == DATASETS

    run(test)


def test_after_an_outage_streams_get_what_has_changed(database: Database) -> None:
    source = Source(database)
    feed = ChangeFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        async with feed.listening() as listener:
            source.is_down = True
            change = asyncio.create_task(next_change(listener))
            await source.wait_for_reads(3)
            await asyncio.to_thread(add_dataset, database)
            await source.wait_for_reads(3)
            assert not change.done()
            source.is_down = False
            assert await change == DATASETS

    run(test)


def test_a_stream_that_begins_in_an_outage_gets_everything_after_it(database: Database) -> None:
    source = Source(database)
    feed = ChangeFeed(source.read, poll_seconds=SOON)
    source.is_down = True

    async def test() -> None:
        async with feed.listening() as listener:
            await source.wait_for_reads(2)
            source.is_down = False
            assert await next_change(listener) == EVERYTHING

    run(test)


def test_a_slow_stream_gets_its_changes_merged(database: Database) -> None:
    source = Source(database)
    feed = ChangeFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        async with feed.listening() as slow, feed.listening() as fast:
            for _ in range(3):
                await asyncio.to_thread(add_dataset, database)
                assert await next_change(fast) == DATASETS
            assert await next_change(slow) == DATASETS
            feed.close()
            assert [one async for one in slow.follow()] == []

    run(test)


def test_a_listener_gets_the_changes_of_its_tenant(either_database: Database) -> None:
    feeds = TenantFeeds(lambda: SnapshotReader(either_database).read, poll_seconds=SOON)

    async def test() -> None:
        with acting_for("alpha"):
            mine = feeds.listening()
            listener = await mine.__aenter__()
        with acting_for("beta"):
            others = feeds.listening()
            other = await others.__aenter__()
            await asyncio.to_thread(add_dataset, either_database)
        assert await next_change(other) == DATASETS
        with acting_for("alpha"):
            await asyncio.to_thread(add_dataset, either_database)
        assert await next_change(listener) == DATASETS
        await asyncio.sleep(10 * SOON)
        assert not listener.has_changes, "the other tenant's dataset is no change for this one"
        for one in (mine, others):
            await one.__aexit__(None, None, None)
        assert not feeds.is_polling

    run(test)
