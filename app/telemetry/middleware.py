"""ASGI middleware that counts, times, traces and logs every request by its route.

It runs for every prediction, so it caches the counters of each combination of labels.
"""

import logging
import time
from functools import lru_cache

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry.metrics import HTTP_REQUESTS, HTTP_SECONDS
from app.telemetry.tracing import context_of, get_tracer

log = logging.getLogger("app.requests")

UNOBSERVED = frozenset({"/metrics"})
PROBES = frozenset({"/livez", "/readyz"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TelemetryMiddleware:
    """Observe requests; those that match no route have the route `none`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNOBSERVED:
            await self.app(scope, receive, send)
            return
        status = 500

        async def send_and_record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started_at = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "other"
        with get_tracer().start_as_current_span(
            method,
            context=context_of(_find_trace_parent(scope)),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
        ) as span:
            try:
                await self.app(scope, receive, send_and_record)
            finally:
                seconds = time.perf_counter() - started_at
                route = getattr(scope.get("route"), "path", None) or "none"
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                count, duration = _find_series(method, route, status)
                count.inc()
                duration.observe(seconds)
                _log(method, route, status, seconds * 1000)


def _log(method: str, route: str, status: int, milliseconds: float) -> None:
    level = logging.DEBUG if route in PROBES else logging.INFO
    if log.isEnabledFor(level):
        fields = {
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(milliseconds, 1),
        }
        log.log(
            level, "%s %s %s %.1f ms", method, route, status, milliseconds, extra={"fields": fields}
        )


@lru_cache(maxsize=4096)
def _find_series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return HTTP_REQUESTS.labels(method, route, status), HTTP_SECONDS.labels(method, route)


def _find_trace_parent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value.decode("latin-1"))
    return None
