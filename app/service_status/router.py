"""The route of the service's status."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.errors import Unavailable
from app.service_status.process import ApiProcess
from app.service_status.schemas import Readiness, ServiceStatus
from app.service_status.service import describe_service
from app.web.dependencies import ReadSessionDep, ServicesDep
from app.web.health import check_readiness

router = APIRouter(tags=["overview"])


def _process(request: Request) -> ApiProcess:
    process: ApiProcess = request.app.state.process
    return process


def _readiness(services: ServicesDep) -> Readiness:
    try:
        ready = check_readiness(services)
    except Unavailable as error:
        return Readiness(
            status="unavailable",
            broker=services.find_broker_error() or "ok",
            model=services.find_model_error() or "ok",
            storage=services.space.find_shortage() or "ok",
            reason=error.message,
        )
    return Readiness.model_validate(dict(ready) | {"reason": None})


@router.get("/service", summary="Get the status of the service")
def get_service(
    services: ServicesDep,
    session: ReadSessionDep,
    process: Annotated[ApiProcess, Depends(_process)],
    ready: Annotated[Readiness, Depends(_readiness)],
) -> ServiceStatus:
    """Return versions, workers and what they work on, queues, storage and settings.

    Passwords in URLs are masked. `started_at`, `ready` and `settings` are those of the process that
    answers, the rest is the same for all processes.
    """
    return describe_service(session, services.settings, process, ready)
