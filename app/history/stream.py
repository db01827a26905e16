"""Stream a job's events as server-sent events (WHATWG HTML, "Server-sent events")."""

from collections.abc import AsyncIterator

import anyio
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.db.session import Database
from app.history.schemas import EventView
from app.history.views import view_events
from app.jobs.repository import JobRepository
from app.jobs.schemas import Progress
from app.jobs.states import TERMINAL

POLL_SECONDS = 0.5
BATCH = 200


async def stream_events(
    database: Database, job_id: str, after: int
) -> AsyncIterator[ServerSentEvent]:
    """Yield the events after a number, then new events, until the job has ended.

    The id of an event is its event number, so a client that reconnects with the last id receives
    every event exactly once. Progress within an epoch is sent without an id and not repeated.
    """
    shown: Progress | None = None
    while True:
        events, progress, has_ended = await run_in_threadpool(_read, database, job_id, after)
        for event in events:
            after = event.event_number
            yield ServerSentEvent(
                id=str(after), event=event.type, data=event.model_dump(mode="json")
            )
        if events:
            continue
        if has_ended:
            return
        if progress != shown:
            shown = progress
            yield ServerSentEvent(event="progress", data=progress.model_dump(mode="json"))
        await anyio.sleep(POLL_SECONDS)


def _read(database: Database, job_id: str, after: int) -> tuple[list[EventView], Progress, bool]:
    with database.reading() as session:
        events = view_events(session, job_id, after=after, limit=BATCH)
        job = JobRepository(session).get(job_id)
        return events, Progress.model_validate(job.progress), job.status in TERMINAL
