"""Defaults that follow from the machine."""

import os
import sys

import pytest

from app.settings import Settings


@pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")
@pytest.mark.parametrize(
    ("cpus", "processes", "lanes", "gpu_lanes"),
    [(1, 1, 2, 4), (2, 2, 1, 2), (4, 2, 2, 4), (6, 3, 2, 4), (16, 8, 2, 4), (64, 8, 8, 16)],
)
def test_processes_and_lanes_follow_the_cpus_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, cpus: int, processes: int, lanes: int, gpu_lanes: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 128)  # the machine has more than the container
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cpus)))
    settings = Settings()
    assert settings.num_threads == cpus
    assert settings.api_processes == processes
    assert settings.predict_lanes == lanes
    assert settings.predict_gpu_lanes == gpu_lanes
