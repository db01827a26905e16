"""OpenTelemetry traces from a request through its work item to the worker's child.

Without `GRAFT_OTLP_ENDPOINT` every span is a no-op of `opentelemetry-api`, and the SDK is not
imported. With it, the SDK's own variables apply: OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS.
A trace parent is the text of W3C's `traceparent` header ("Trace Context", section 3.2).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.errors import Unavailable
from app.settings import Settings

EXPORT_TIMEOUT_SECONDS = 5.0

_propagator = TraceContextTextMapPropagator()
_tracers: list[trace.Tracer] = [trace.NoOpTracer()]
"""The last one is used. OpenTelemetry's global provider can be set only once in a process."""


def require_exporter(settings: Settings) -> None:
    """Raise Unavailable if traces are configured but OpenTelemetry's SDK is not installed."""
    if settings.otlp_endpoint and not _is_installed():
        raise Unavailable(
            "GRAFT_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: run "
            "`pip install graft-server[otel]`, or leave the variable out."
        )


@contextmanager
def tracing(settings: Settings, service: str) -> Iterator[None]:
    """Export this process's spans under a service name until the block ends, if configured.

    Spans are sent in batches in the background; while the collector is down they are dropped.
    Raises Unavailable as `require_exporter` does.
    """
    if not settings.otlp_endpoint:
        yield
        return
    require_exporter(settings)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    endpoint = f"{settings.otlp_endpoint.rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_SECONDS)
    resource = Resource.create(
        {"service.name": service, "service.version": version("graft-server")}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("graft")
    _tracers.append(tracer)
    try:
        yield
    finally:
        _tracers.remove(tracer)
        provider.shutdown()


def get_tracer() -> trace.Tracer:
    """Return the tracer of this process."""
    return _tracers[-1]


def find_trace_parent() -> str | None:
    """Return the current span's trace parent, for work done elsewhere; None without a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def context_of(trace_parent: str | None) -> Context | None:
    """Return the context below a trace parent; None, the current context, where there is none."""
    return _propagator.extract({"traceparent": trace_parent}) if trace_parent else None


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
