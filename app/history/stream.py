"""A job's events as a stream of server-sent events (WHATWG HTML, "Server-sent events")."""

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
    """Events behind a number, then new ones as they come, until the job has reached its end.

    Ids are the numbers in SQL, so a reader who comes back with the last one misses nothing and sees
    nothing twice. Progress within an epoch is sent without an id and not repeated.
    """
    shown: Progress | None = None
    while True:
        events, progress, is_over = await run_in_threadpool(_look, database, job_id, after)
        for event in events:
            after = event.event_number
            yield ServerSentEvent(
                id=str(after), event=event.type, data=event.model_dump(mode="json")
            )
        if events:
            continue
        if is_over:
            return
        if progress != shown:
            shown = progress
            yield ServerSentEvent(event="progress", data=progress.model_dump(mode="json"))
        await anyio.sleep(POLL_SECONDS)


def _look(database: Database, job_id: str, after: int) -> tuple[list[EventView], Progress, bool]:
    with database.reading() as session:
        events = view_events(session, job_id, after=after, limit=BATCH)
        job = JobRepository(session).get(job_id)
        return events, Progress.model_validate(job.progress), job.status in TERMINAL
