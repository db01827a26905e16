"""Routes for a job's history: metrics, curves and events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import errors
from app.history.curves import Curve, make_curve
from app.history.schemas import EventView, History
from app.history.stream import stream_events
from app.history.views import view_events, view_history, write_csv
from app.jobs import service
from app.jobs.router import JobId
from app.web.dependencies import DatabaseDep, ReadSessionDep
from app.web.drawing import draw
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["history"])

_NOT_FOUND = problem_responses(errors.NotFound)
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
Points = Annotated[
    int | None,
    Query(
        ge=2,
        le=2000,
        description="Return at most this number of epochs: the first, the last, the best (from "
        "three on), and those with the lowest and highest validation loss of each stretch, so that "
        "a chart looks the same. Without it, every epoch is returned.",
        examples=[300],
    ),
]
DRAWING_PROBLEMS = problem_responses(errors.NotFound, errors.Overloaded)
PNG_RESPONSE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get(
    "/jobs/{job_id}/history",
    response_model=History,
    summary="Get a job's metrics by epoch",
    responses=_NOT_FOUND | _CSV,
)
def get_history(
    job_id: JobId,
    session: ReadSessionDep,
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["json", "csv"], Query(description="Format of the answer.")
    ] = "json",
    points: Points = None,
) -> History | Response:
    """Return one row for each finished epoch, counted from 1.

    With `lbfgs` there is one row for each L2 strength, in the order of `optimizer.l2_strengths`.
    """
    history = view_history(session, service.get_job(session, job_id), num_points=points)
    if format == "csv":
        return Response(write_csv(history.data), media_type="text/csv; charset=utf-8")
    return history


@router.get(
    "/jobs/{job_id}/history.png",
    response_class=Response,
    summary="Get a job's training curves as a PNG",
    responses=DRAWING_PROBLEMS | PNG_RESPONSE,
)
async def get_history_image(
    job_id: JobId,
    database: DatabaseDep,
    compare: Annotated[
        list[str] | None,
        Query(max_length=12, description="Further jobs to draw in the same image."),
    ] = None,
) -> Response:
    """Draw validation accuracy (0-1) and loss by epoch, with the best epoch marked.

    With `lbfgs` they are drawn by L2 strength, with the chosen strength marked.
    """

    def read() -> list[Curve]:
        with database.reading() as session:
            return [
                make_curve(session, service.get_job(session, one))
                for one in dict.fromkeys([job_id, *(compare or [])])
            ]

    curves = await run_sync(read)

    def draw_curves() -> bytes:
        from app.history.charts import draw_history  # noqa: PLC0415 - slow to import, and not always needed

        return draw_history(curves)

    return Response(await draw(draw_curves), media_type="image/png")


@router.get("/jobs/{job_id}/events", summary="List a job's events", responses=_NOT_FOUND)
def list_events(
    job_id: JobId,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="Number of entries.")] = 100,
    after: Annotated[int, Query(ge=0, description="Return events after this number.")] = 0,
) -> Page[EventView]:
    """Return events in the order in which they happened."""
    service.get_job(session, job_id)
    events = view_events(session, job_id, after=after, limit=limit + 1)
    has_more = len(events) > limit
    return make_page(events[:limit], lambda event: event.event_number, has_more=has_more)


def check_job(job_id: JobId, session: ReadSessionDep) -> None:
    """Raise NotFound for an unknown job before the stream begins."""
    service.get_job(session, job_id)


@router.get(
    "/jobs/{job_id}/events/stream",
    response_class=EventSourceResponse,
    summary="Stream a job's events",
    dependencies=[Depends(check_job)],
    responses=_NOT_FOUND,
)
async def follow_events(
    request: Request,
    job_id: JobId,
    database: DatabaseDep,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=2**31 - 1, description="Continue after this event.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Send server-sent events until the job has ended; `Last-Event-ID` continues a stream."""
    async for event in stream_events(
        request.app.state.job_feed, database, job_id, last_event_id or 0
    ):
        yield event
