"""Spans sent over OTLP/HTTP by OpenTelemetry's SDK; needs the extra `otel`.

The SDK's own variables hold here as everywhere: OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.tracing import Attribute, Span, SpanKind

EXPORT_TIMEOUT_SECONDS = 5.0

_KINDS = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "consumer": trace.SpanKind.CONSUMER,
}
_propagator = TraceContextTextMapPropagator()


class OtlpTracer:
    """Sends spans to a collector in batches; a collector that is down costs spans, nothing else."""

    def __init__(self, endpoint: str, service: str) -> None:
        """`endpoint` is the collector's address without a path, such as http://localhost:4318."""
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_SECONDS
        )
        resource = Resource.create({"service.name": service, "service.version": version("graft")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("graft")

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, parent: str | None, attributes: dict[str, Attribute]
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context=_below(parent),
            kind=_KINDS[kind],
            attributes=attributes,
            record_exception=False,
        ) as span:
            yield span

    def record(self, name: str, parent: str | None, started_ns: int, ended_ns: int) -> None:
        span = self._tracer.start_span(name, context=_below(parent), start_time=started_ns)
        span.end(ended_ns)

    def find_parent(self) -> str | None:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get("traceparent")

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


def _below(parent: str | None) -> Context | None:
    return _propagator.extract({"traceparent": parent}) if parent else None
