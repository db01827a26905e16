"""Who asks: the predictor they reach, and whether they still wait for its answer."""

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
async def admitted(request: Request, predictor: "Predictor") -> AsyncIterator[None]:
    """A request's stay: refused before its body is read, or ended at its deadline.

    A body of unknown length counts as the largest there may be.
    Raises Overloaded where images or bytes leave no room, DeadlineExceeded.
    """
    predictor.lanes.refuse_when_full()
    declared = request.headers.get("content-length")
    num_bytes = int(declared) if declared else predictor.settings.max_predict_bytes
    with predictor.bodies.hold(num_bytes):
        async with predictor.deadline():
            yield


async def unless_gone(request: Request, answer: Awaitable[Result]) -> Result:
    """Await an answer for as long as somebody waits for it; the body has been read before."""
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            PREDICT_SHED.labels("client_gone").inc()
            raise BodyIncomplete("The client is gone.")
        return work.result()
    finally:
        work.cancel()
        gone.cancel()
