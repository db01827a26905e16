"""`GET /metrics`: what Prometheus scrapes."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from app.telemetry.metrics import list_collectors
from app.telemetry.scraping.devices import DeviceFigures
from app.telemetry.scraping.stored import StoredFigures
from app.web.dependencies import DatabaseDep

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Every figure in Prometheus' text format.",
            "content": {
                "text/plain": {"example": 'graft_jobs{status="running"} 1.0\ngraft_database_up 1.0'}
            },
        }
    },
)
def get_metrics(database: DatabaseDep) -> Response:
    """What this process has counted and timed, and what stands in SQL at this moment.

    Answers even while the database is down: `graft_database_up` is 0 then.
    """
    registry = CollectorRegistry()
    for collector in (*list_collectors(), StoredFigures(database), DeviceFigures()):
        registry.register(collector)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
