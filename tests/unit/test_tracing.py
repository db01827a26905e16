"""Tracing without an endpoint, and without the SDK."""

import subprocess
import sys

import pytest

from app.errors import Unavailable
from app.settings import Settings
from app.telemetry import tracing


def test_without_an_endpoint_nothing_is_traced_and_the_sdk_is_not_imported() -> None:
    code = """
import sys
from app.settings import Settings
from app.telemetry.tracing import find_trace_parent, get_tracer, tracing
with tracing(Settings(), "nobody"), get_tracer().start_as_current_span("work") as work:
    work.set_attribute("graft.outcome", "finished")
    assert not work.is_recording()
    assert find_trace_parent() is None
print([name for name in sys.modules if name.startswith("opentelemetry.sdk")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_endpoint_without_the_extra_stops_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wished = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:4318"})
    tracing.require_exporter(wished)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter.")]:
        monkeypatch.delitem(sys.modules, name)
    with (
        pytest.raises(Unavailable, match=r"graft-server\[otel\]"),
        tracing.tracing(wished, "graft-api"),
    ):
        pass
    tracing.require_exporter(settings)
