"""The route that Prometheus scrapes: `GET /metrics`."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from app.telemetry.metrics import list_collectors
from app.telemetry.scraping.devices import DeviceMetrics
from app.telemetry.scraping.stored import StoredMetrics
from app.web.dependencies import DatabaseDep

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Get metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "All metrics in Prometheus' text format.",
            "content": {
                "text/plain": {"example": 'graft_jobs{status="running"} 1.0\ngraft_database_up 1.0'}
            },
        }
    },
)
def get_metrics(database: DatabaseDep) -> Response:
    """Return the metrics of the API's processes, of the database and of the GPUs.

    While the database is down, `graft_database_up` is 0 and its other metrics are missing.
    """
    registry = CollectorRegistry()
    for collector in (*list_collectors(), StoredMetrics(database), DeviceMetrics()):
        registry.register(collector)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
