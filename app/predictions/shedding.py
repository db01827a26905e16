"""Refuse predictions before the framework prepares their requests, so that refusing costs little.

At three times the throughput two of three requests are refused. Routing, dependencies and
validation would take from the others what they cost.
"""

from typing import TYPE_CHECKING, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Overloaded
from app.web.problems import problem_response

if TYPE_CHECKING:
    from app.predictions.predictor import Predictor

PATH = "/predict"


class _Route(NamedTuple):
    """What metrics and logs name the request by, as no route is chosen."""

    path: str


class ShedPredictions:
    """Answer POST /predict with 503 while there is no place in the queue."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            predictor: Predictor | None = scope["app"].state.predictor
            try:
                if predictor is not None:
                    predictor.lanes.require_place()
            except Overloaded as error:
                scope["route"] = _Route(PATH)
                answer = problem_response(
                    error, instance=PATH, request_id=scope["graft.request_id"]
                )
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
