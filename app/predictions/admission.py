"""Admit predict requests: check for room before reading, enforce deadlines, drop lost clients."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request

from app.access.principal import current_principal
from app.errors import BodyIncomplete, Overloaded, Unavailable
from app.predictions.lanes import Place
from app.telemetry.metrics import PREDICT_SHED
from app.web.received_body import SCOPE_BODY, ReceivedBody

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
    """Run the block with a place in the queue, a deadline, and memory for what arrives of the body.

    num_bytes is the memory to reserve for something else than the request's body.
    Raises Overloaded where images or bytes leave no room, DeadlineExceeded.
    """
    with predictor.lanes.expecting() as place:
        if num_bytes is not None:
            place.leave()
            with predictor.body_memory.reserve(num_bytes):
                async with predictor.deadline():
                    yield
            return
        async with _receiving(request, predictor, place), predictor.deadline():
            yield


@asynccontextmanager
async def _receiving(request: Request, predictor: "Predictor", place: Place) -> AsyncIterator[None]:
    """Reserve memory for the request's body as it arrives, and end the block if it is evicted."""
    body: ReceivedBody = request.scope[SCOPE_BODY]
    declared = request.headers.get("content-length")
    principal = current_principal()
    owner = None if principal.kind == "built_in" else principal.id
    if declared:
        predictor.body_memory.make_room(int(declared), owner=owner)
    try:
        async with asyncio.timeout(None) as slot:
            with predictor.body_memory.reserve(
                body.num_bytes, owner=owner, on_evict=lambda: slot.reschedule(0)
            ) as memory:

                def on_arrival(num_bytes: int) -> None:
                    memory.add(num_bytes)
                    if body.is_complete:
                        memory.complete()
                        place.leave()

                body.on_arrival = on_arrival
                if body.is_complete:
                    on_arrival(0)
                yield
    except TimeoutError as error:
        if not slot.expired():
            raise
        PREDICT_SHED.labels("bytes_full").inc()
        raise Overloaded(
            f"{body.num_bytes} bytes of this body had arrived when other requests needed the "
            "memory; send it again, and faster."
        ) from error


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
