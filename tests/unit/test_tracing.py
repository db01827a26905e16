"""Tracing that nobody asked for, and tracing that cannot be had."""

import subprocess
import sys

import pytest

from app import tracing
from app.errors import Unavailable
from app.settings import Settings


def test_without_an_endpoint_nothing_is_traced_nor_imported() -> None:
    code = """
import sys
from app.settings import Settings
from app.tracing import find_trace_parent, record_span, span, tracing
with tracing(Settings(), "nobody"), span("work", graft__kind="train") as work:
    work.set_attribute("graft.outcome", "finished")
    assert find_trace_parent() is None
    record_span("predict decode", None, started_ns=0, ended_ns=1)
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_endpoint_without_the_extra_is_refused_at_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wished = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:4318"})
    tracing.require_exporter(wished)
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(Unavailable, match=r"graft\[otel\]"), tracing.tracing(wished, "graft-api"):
        pass
    tracing.require_exporter(settings)
