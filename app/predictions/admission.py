"""Admit predict requests: check for room before reading, enforce deadlines, drop lost clients."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request

from app.errors import BodyIncomplete, Unavailable
from app.telemetry.metrics import PREDICT_SHED

if TYPE_CHECKING:
    from app.predictions.predictor import Predictor

Result = TypeVar("Result")


async def _predictor(request: Request) -> "Predictor":  # a plain function would go to a thread
    predictor: Predictor | None = request.app.state.predictor
    if predictor is None:
        raise Unavailable("The service is starting and loads its models; try again in a second.")
    return predictor


PredictorDep = Annotated["Predictor", Depends(_predictor)]


@asynccontextmanager
async def admit(
    request: Request, predictor: "Predictor", *, num_bytes: int | None = None
) -> AsyncIterator[None]:
    """Run the block with memory reserved for num_bytes or the request's body, and a deadline.

    A body of unknown length counts as the largest allowed.
    Raises Overloaded where images or bytes leave no room, DeadlineExceeded.
    """
    predictor.lanes.require_room()
    if num_bytes is None:
        declared = request.headers.get("content-length")
        num_bytes = int(declared) if declared else predictor.settings.max_predict_bytes
    with predictor.body_memory.reserve(num_bytes):
        async with predictor.deadline():
            yield


async def cancel_on_disconnect(request: Request, work: Awaitable[Result]) -> Result:
    """Await work, and cancel it when the client disconnects; the body must have been read."""
    task = asyncio.ensure_future(work)
    disconnected = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({task, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            PREDICT_SHED.labels("client_gone").inc()
            raise BodyIncomplete("The client closed the connection.")
        return task.result()
    finally:
        task.cancel()
        disconnected.cancel()
