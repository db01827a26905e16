"""Whether the process answers, and whether it can do its work."""

import os

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import text

from app.errors import Unavailable
from app.web.dependencies import ServicesDep
from app.web.problems import problem_responses
from app.web.schemas import ApiModel

router = APIRouter(tags=["health"])


class Live(ApiModel):
    """The process answers."""

    status: str = Field("ok", description="Always `ok`.")


class Ready(ApiModel):
    """The service can do its work."""

    status: str = Field(
        description="`ok`, or `degraded` while the broker is down or the chosen model cannot "
        "answer.",
        examples=["ok"],
    )
    broker: str = Field(description="`ok`, or the kind of error it last gave.", examples=["ok"])
    model: str = Field(
        description="`ok`, or why the chosen model could not be loaded.", examples=["ok"]
    )


@router.get("/livez", summary="The process answers")
def get_liveness() -> Live:
    """Asks nothing of the database or the broker."""
    return Live(status="ok")


@router.get(
    "/readyz",
    summary="The database and the storage are usable, and the chosen model is loaded",
    responses=problem_responses(Unavailable),
)
def get_readiness(services: ServicesDep) -> Ready:
    """A broker that is down delays work by seconds and loses nothing, so it only degrades.

    So does a chosen model that cannot be loaded: others can still be named, or chosen.
    """
    with services.database.reading() as session:
        session.execute(text("SELECT 1"))
    root = services.storage.root
    if not (root.is_dir() and os.access(root, os.W_OK)):
        raise Unavailable("The storage folder cannot be written.")
    broker_error = services.find_broker_error()
    if not services.is_warm():
        raise Unavailable("The chosen model is being loaded.")
    model_error = services.find_model_error()
    return Ready(
        status="degraded" if broker_error or model_error else "ok",
        broker=broker_error or "ok",
        model=model_error or "ok",
    )
