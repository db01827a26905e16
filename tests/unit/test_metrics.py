"""Metrics of several real processes, reported by one of them."""

import os
import subprocess
import sys
from pathlib import Path

COUNT = """
from app.telemetry.metrics import PREDICT_QUEUE_DEPTH, PREDICT_SHED, PREDICT_STAGE_SECONDS
PREDICT_SHED.labels("deadline").inc(2)
PREDICT_STAGE_SECONDS.labels("decode").observe(0.01)
PREDICT_QUEUE_DEPTH.set(3)
"""
TELL = """
from prometheus_client import CollectorRegistry, generate_latest
from app.telemetry.metrics import list_collectors
registry = CollectorRegistry()
for collector in list_collectors():
    registry.register(collector)
print(generate_latest(registry).decode())
"""


def run(code: str, environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_metrics_of_processes_that_share_a_folder_are_summed(tmp_path: Path) -> None:
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    run(COUNT, shared)
    told = run(COUNT + TELL, shared)
    assert 'graft_predict_shed_total{reason="deadline"} 4.0' in told
    assert 'graft_predict_stage_seconds_count{stage="decode"} 2.0' in told
    assert any(line.startswith("process_resident_memory_bytes ") for line in told)


def test_a_process_without_a_folder_reports_its_own() -> None:
    run(COUNT, {})
    told = run(COUNT + TELL, {})
    assert 'graft_predict_shed_total{reason="deadline"} 2.0' in told
    assert "graft_predict_queue_images 3.0" in told
