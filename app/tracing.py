"""Traces from a request through its work item to the worker's child, where they are configured.

Without `GRAFT_OTLP_ENDPOINT` nothing here does anything, and OpenTelemetry is not imported.
A trace parent is the text of W3C's `traceparent` header ("Trace Context", section 3.2).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import Literal, Protocol

from app.errors import Unavailable
from app.settings import Settings

Attribute = str | int | float | bool
SpanKind = Literal["internal", "server", "consumer"]


class Span(Protocol):
    """A piece of work while it goes on."""

    def set_attribute(self, key: str, value: Attribute, /) -> None: ...

    def update_name(self, name: str, /) -> None: ...


class Tracer(Protocol):
    """Takes down spans and sends them off in the background."""

    def span(
        self, name: str, kind: SpanKind, parent: str | None, attributes: dict[str, Attribute]
    ) -> AbstractContextManager[Span]: ...

    def record(self, name: str, parent: str | None, started_ns: int, ended_ns: int) -> None: ...

    def find_parent(self) -> str | None: ...

    def close(self) -> None: ...


class _NoSpan:
    def set_attribute(self, key: str, value: Attribute, /) -> None: ...

    def update_name(self, name: str, /) -> None: ...


_NO_SPAN: AbstractContextManager[Span] = nullcontext(_NoSpan())
_tracers: list[Tracer] = []
"""The tracer of this process, while it has one."""


def require_exporter(settings: Settings) -> None:
    """Raise Unavailable if traces are asked for and cannot be made here."""
    if settings.otlp_endpoint and not _is_installed():
        raise Unavailable(
            "GRAFT_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: install graft[otel], "
            "or leave the variable out."
        )


@contextmanager
def tracing(settings: Settings, service: str) -> Iterator[None]:
    """Trace this process as a service of this name until the block ends, if that is configured.

    Raises Unavailable as `require_exporter` does.
    """
    if not settings.otlp_endpoint:
        yield
        return
    require_exporter(settings)
    from app.otlp import OtlpTracer  # noqa: PLC0415 - an extra, and slow to import

    tracer = OtlpTracer(settings.otlp_endpoint, service)
    _tracers.append(tracer)
    try:
        yield
    finally:
        _tracers.remove(tracer)
        tracer.close()


def span(
    name: str,
    *,
    kind: SpanKind = "internal",
    parent: str | None = None,
    **attributes: Attribute,
) -> AbstractContextManager[Span]:
    """A span over a block; below `parent`, or else below the span of this moment.

    Double underscores in the attributes' names stand for dots. An exception marks the span as
    failed and passes.
    """
    if not _tracers:
        return _NO_SPAN
    dotted = {key.replace("__", "."): value for key, value in attributes.items()}
    return _tracers[-1].span(name, kind, parent, dotted)


def record_span(name: str, parent: str | None, *, started_ns: int, ended_ns: int) -> None:
    """Take down a span after the event; times in nanoseconds since 1970 (`time.time_ns`)."""
    if _tracers:
        _tracers[-1].record(name, parent, started_ns, ended_ns)


def find_trace_parent() -> str | None:
    """The span of this moment, for work that goes on elsewhere; None where nothing is traced."""
    return _tracers[-1].find_parent() if _tracers else None


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
