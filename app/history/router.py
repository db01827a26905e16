"""What has happened in a job: metrics, curves, events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import errors
from app.history.charts import Curve, draw_history
from app.history.presentation import view_events, view_history, write_csv
from app.history.schemas import EventView, History
from app.history.stream import stream_events
from app.jobs import service
from app.jobs.router import JobId
from app.web.dependencies import DatabaseDep, ReadSessionDep
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["jobs"])

_NOT_FOUND = problem_responses(errors.NotFound)
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get(
    "/jobs/{job_id}/history",
    response_model=History,
    summary="Metrics of every epoch",
    responses=_NOT_FOUND | _CSV,
)
def get_history(
    job_id: JobId,
    session: ReadSessionDep,
    format: Annotated[Literal["json", "csv"], Query(description="How to write it.")] = "json",  # noqa: A002 - the query parameter's name
) -> History | Response:
    """Epochs count from 1; every epoch stands here once."""
    history = view_history(session, service.get_job(session, job_id))
    if format == "csv":
        return Response(write_csv(history.data), media_type="text/csv; charset=utf-8")
    return history


@router.get(
    "/jobs/{job_id}/history.png",
    response_class=Response,
    summary="Training curves as a picture",
    responses=_NOT_FOUND | _PNG,
)
def get_history_picture(
    job_id: JobId,
    session: ReadSessionDep,
    compare: Annotated[
        list[str] | None,
        Query(max_length=12, description="Further jobs to draw in the same picture."),
    ] = None,
) -> Response:
    """Validation accuracy (0-1) and loss by epoch, the best epoch marked."""
    curves = []
    for one in dict.fromkeys([job_id, *(compare or [])]):
        job = service.get_job(session, one)
        label = f"{job.config['architecture']}, {job.config['strategy']} ({job.config['weights']})"
        curves.append(Curve(label, view_history(session, job).data))
    return Response(draw_history(curves), media_type="image/png")


@router.get("/jobs/{job_id}/events", summary="A job's events", responses=_NOT_FOUND)
def list_events(
    job_id: JobId,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="Entries on a page.")] = 100,
    after: Annotated[int, Query(ge=0, description="The last number of the page before.")] = 0,
) -> Page[EventView]:
    """In the order in which they happened."""
    service.get_job(session, job_id)
    events = view_events(session, job_id, after=after, limit=limit + 1)
    has_more = len(events) > limit
    return make_page(events[:limit], lambda event: event.event_number, has_more=has_more)


def check_job(job_id: JobId, session: ReadSessionDep) -> None:
    """Refuse an unknown job before the stream begins."""
    service.get_job(session, job_id)


@router.get(
    "/jobs/{job_id}/events/stream",
    response_class=EventSourceResponse,
    summary="Follow a job's events",
    dependencies=[Depends(check_job)],
    responses=_NOT_FOUND,
)
async def follow_events(
    job_id: JobId,
    database: DatabaseDep,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=2**31 - 1, description="Go on behind this event.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events until the job has reached its end; `Last-Event-ID` resumes."""
    async for event in stream_events(database, job_id, last_event_id or 0):
        yield event
