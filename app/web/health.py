"""Routes for liveness and readiness probes."""

import os

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import text

from app.errors import Unavailable
from app.web.dependencies import Services, ServicesDep
from app.web.problems import problem_responses
from app.web.schemas import ApiModel

router = APIRouter(tags=["service"])


class Live(ApiModel):
    """The process is alive."""

    status: str = Field("ok", description="Always `ok`.")


class Ready(ApiModel):
    """The service is ready."""

    status: str = Field(
        description="`ok`, or `degraded` while the broker is down, the chosen model cannot answer "
        "or the disk is nearly full.",
        examples=["ok"],
    )
    broker: str = Field(description="`ok`, or the kind of its current error.", examples=["ok"])
    model: str = Field(
        description="`ok`, or why the chosen model could not be loaded.", examples=["ok"]
    )
    storage: str = Field(
        description="`ok`, or how little free space there is. Until it is freed, nothing new is "
        "accepted (507) and workers start nothing.",
        examples=["ok"],
    )


@router.get("/livez", summary="Check that the process is alive")
async def get_liveness() -> Live:
    """Return `ok`, without the database, the broker or a thread of the pool."""
    return Live(status="ok")


@router.get(
    "/readyz",
    summary="Check that the service is ready",
    responses=problem_responses(Unavailable),
)
def get_readiness(services: ServicesDep) -> Ready:
    """Return 200 if database and storage are usable and the chosen model is loaded.

    The status is `degraded` while the broker is down, which delays work by seconds and loses
    nothing. It is also `degraded` while the chosen model cannot be loaded; other models still serve
    predictions. And it is `degraded` while the disk has less free space than
    `GRAFT_STORAGE_FLOOR_BYTES`; predictions do not need any.
    """
    return check_readiness(services)


def check_readiness(services: Services) -> Ready:
    """Check database, storage, broker and chosen model; raises Unavailable if it is not ready."""
    with services.database.reading() as session:
        session.execute(text("SELECT 1"))
    root = services.storage.root
    if not (root.is_dir() and os.access(root, os.W_OK)):
        raise Unavailable("The storage folder is not writable.")
    broker_error = services.find_broker_error()
    if not services.is_warm():
        raise Unavailable("The chosen model is being loaded.")
    model_error = services.find_model_error()
    shortage = services.space.find_shortage()
    return Ready(
        status="degraded" if broker_error or model_error or shortage else "ok",
        broker=broker_error or "ok",
        model=model_error or "ok",
        storage=shortage or "ok",
    )
