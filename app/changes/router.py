"""The route that streams hints of changes."""

from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.changes.feed import Listener, TenantFeeds

router = APIRouter(tags=["overview"])


async def _listen(request: Request) -> AsyncIterator[Listener]:
    feeds: TenantFeeds = request.app.state.changes
    async with feeds.listening() as listener:
        yield listener


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events, as text/event-stream.",
        "content": {
            "text/event-stream": {
                "example": 'event: hello\ndata: {"version": "0.2.0"}\n\n'
                'event: jobs\ndata: {"ids": ["job_01k0w1rhzemcbybsywa1w8p9"]}\n\n'
                'event: models\ndata: {"ids": []}\n\n'
            }
        },
    }
}


@router.get(
    "/events/stream",
    response_class=EventSourceResponse,
    summary="Stream hints of what has changed",
    responses=_STREAM,
)
async def follow_changes(
    listener: Annotated[Listener, Depends(_listen)],
) -> AsyncIterator[ServerSentEvent]:
    """Send server-sent events when lists have changed, about a second later, until disconnected.

    The first event is `hello` with the service's version. The others are `datasets`, `jobs`,
    `studies`, `models`, `serving` and `predictions`. Their `ids` are the subjects whose progress or
    status has changed. An empty list means that anything may have changed: get the lists again.

    Events have no ids and are not repeated. After connecting, and after reconnecting, get
    everything that you show. A comment is sent after 15 seconds without an event. The deletion of
    a row is noticed among the newest thousand of its kind.
    """
    yield ServerSentEvent(event="hello", data={"version": version("graft-server")})
    async for changes in listener.follow():
        for topic, ids in changes.items():
            yield ServerSentEvent(event=topic, data={"ids": sorted(ids)})
