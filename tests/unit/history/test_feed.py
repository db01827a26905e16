"""One reader for all streams of job events."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.db.session import Database
from app.db.tables import Job
from app.history.feed import NUM_KEPT, JobFeed, JobState
from app.history.stream import JobReader, stream_events
from app.jobs.events import append_event
from app.jobs.schemas import Progress
from tests.many_rows import add_jobs

SOON = 0.01


class Source:
    """Reads a database, counts how often, and can pretend that the database is down."""

    def __init__(self, database: Database) -> None:
        self.reader = JobReader(database)
        self.num_reads = 0
        self.is_down = False
        self.at_once = threading.Lock()

    def read(self, newest: Mapping[str, int | None]) -> dict[str, JobState]:
        assert self.at_once.acquire(blocking=False), "two pollers read at the same time"
        try:
            self.num_reads += 1
            if self.is_down:
                raise OperationalError("SELECT 1", {}, Exception("the server is gone"))
            return self.reader.read(newest)
        finally:
            self.at_once.release()


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


def add_running_jobs(database: Database, number: int) -> list[str]:
    add_jobs(database, number)
    with database.transaction() as session:
        session.execute(
            update(Job).values(status="running", progress=Progress(epochs=3).model_dump())
        )
        return list(session.scalars(select(Job.id).order_by(Job.id)))


def append(database: Database, job_id: str, *types: str, status: str = "running") -> None:
    with database.transaction() as session:
        job = session.get_one(Job, job_id)
        for name in types:
            append_event(session, job, name)
        job.status = status


async def collect(feed: JobFeed, database: Database, job_id: str, after: int = 0) -> list[int]:
    """Follow a job to its end; return the numbers of the events."""
    return [
        int(event.id or 0)
        async for event in stream_events(feed, database, job_id, after)
        if event.event != "progress"
    ]


def test_many_streams_share_one_reader_and_get_every_event_once(
    either_database: Database,
) -> None:
    database = either_database
    ids = add_running_jobs(database, 5)
    source = Source(database)
    feed = JobFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        streams = [
            asyncio.create_task(collect(feed, database, ids[index % 5], after=index % 3))
            for index in range(60)
        ]
        for round_number in range(4):
            for job_id in ids:
                await asyncio.to_thread(append, database, job_id, *["epoch"] * (1 + round_number))
        for job_id in ids:
            await asyncio.to_thread(append, database, job_id, "succeeded", status="succeeded")
        for index, stream in enumerate(streams):
            assert await stream == list(range(1 + index % 3, 12))
        assert feed.is_idle

    run(test)


def test_a_stream_far_behind_reads_by_itself(database: Database) -> None:
    (job_id,) = add_running_jobs(database, 1)
    append(database, job_id, *["epoch"] * (2 * NUM_KEPT + 10))
    source = Source(database)
    feed = JobFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        early = asyncio.create_task(collect(feed, database, job_id))
        await asyncio.sleep(5 * SOON)
        number = NUM_KEPT + 50  # more than are kept in memory
        await asyncio.to_thread(append, database, job_id, *["epoch"] * number, status="succeeded")
        assert await early == list(range(1, 3 * NUM_KEPT + 61))

    run(test)


def test_a_deleted_job_ends_its_streams(database: Database) -> None:
    (job_id,) = add_running_jobs(database, 1)
    feed = JobFeed(JobReader(database).read, poll_seconds=SOON)

    async def test() -> None:
        stream = asyncio.create_task(collect(feed, database, job_id))
        await asyncio.sleep(5 * SOON)
        with database.transaction() as session:
            session.delete(session.get_one(Job, job_id))
        assert await stream == []

    run(test)


def test_streams_outlive_a_database_that_is_down(database: Database) -> None:
    (job_id,) = add_running_jobs(database, 1)
    source = Source(database)
    feed = JobFeed(source.read, poll_seconds=SOON)

    async def test() -> None:
        stream = asyncio.create_task(collect(feed, database, job_id))
        await asyncio.sleep(5 * SOON)
        source.is_down = True
        await asyncio.to_thread(append, database, job_id, "succeeded", status="succeeded")
        before = source.num_reads
        while source.num_reads < before + 3:  # noqa: ASYNC110 - reads happen in another thread
            await asyncio.sleep(SOON)
        assert not stream.done()
        source.is_down = False
        assert await stream == [1]

    run(test)


def test_the_end_of_the_service_ends_streams(database: Database) -> None:
    (job_id,) = add_running_jobs(database, 1)
    feed = JobFeed(JobReader(database).read, poll_seconds=SOON)

    async def test() -> None:
        stream = asyncio.create_task(collect(feed, database, job_id))
        await asyncio.sleep(5 * SOON)
        feed.close()
        assert await stream == []
        assert feed.is_idle

    run(test)
