"""Stream a job's events as server-sent events (WHATWG HTML, "Server-sent events")."""

from collections.abc import AsyncIterator, Mapping
from itertools import islice

from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.db.session import Database
from app.db.tenancy import EVERY_TENANT, acting_for
from app.history.feed import NUM_KEPT, JobFeed, JobState, Numbered, number_event
from app.history.views import view_events
from app.jobs.repository import JobRepository
from app.jobs.schemas import Progress
from app.jobs.states import TERMINAL

_NUM_AT_ONCE = 500
"""Jobs in one query; SQLite allows some 32,000 parameters."""


class JobReader:
    """Reads the states of many jobs in few queries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, newest: Mapping[str, int | None]) -> dict[str, JobState]:
        """Return the state of each job that exists, with up to NUM_KEPT events after its number.

        It reads the jobs of all tenants; a stream begins only for a job that its tenant may see.
        """
        states = {}
        ids = iter(newest)
        while chunk := list(islice(ids, _NUM_AT_ONCE)):
            with acting_for(EVERY_TENANT), self._database.reading() as session:
                for job_id, status, last, progress in JobRepository(session).list_states(chunk):
                    after = newest[job_id]
                    events = []
                    if after is not None and last > after:
                        events = view_events(session, job_id, after=after, limit=NUM_KEPT)
                    read = events[-1].event_number if events else last
                    states[job_id] = JobState(
                        events,
                        read,
                        Progress.model_validate(progress),
                        status in TERMINAL and read >= last,
                    )
        return states


async def stream_events(
    feed: JobFeed, database: Database, job_id: str, after: int
) -> AsyncIterator[ServerSentEvent]:
    """Yield the events after a number, then new events, until the job has ended.

    The id of an event is its event number, so a client that reconnects with the last id receives
    every event exactly once. Progress within an epoch is sent without an id and not repeated.
    """
    shown: Progress | None = None
    with feed.following(job_id) as job:
        is_behind = True
        while not job.is_gone:
            changed, has_ended, progress = job.changed, job.has_ended, job.progress
            events = None if is_behind else job.list_after(after)
            if events is None:
                events = await run_in_threadpool(_read_page, database, job_id, after)
                is_behind = len(events) == NUM_KEPT
            for event in events:
                after = event.number
                yield event.event
            if is_behind:
                continue
            if has_ended:
                return
            if progress is not None and progress != shown:
                shown = progress
                yield ServerSentEvent(event="progress", data=progress.model_dump(mode="json"))
            await changed.wait()


def _read_page(database: Database, job_id: str, after: int) -> list[Numbered]:
    with database.reading() as session:
        return list(map(number_event, view_events(session, job_id, after=after, limit=NUM_KEPT)))
