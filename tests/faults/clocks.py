"""Move the wall clock of a worker by hours (libfaketime)."""

import time
from pathlib import Path

import pytest

from tests.faults.attacks_on_workers import find_worker_of
from tests.faults.cluster import Cluster

LIBRARY = "faketime/libfaketime.so.1"


class MovableClock:
    """The offset of the clock of processes that are started with `environment`."""

    def __init__(self, file: Path) -> None:
        library = find_library()
        if library is None:
            pytest.skip("libfaketime is not installed (apt-get install libfaketime)")
        self.file = file
        self.move(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, seconds: int) -> None:
        """Set the clock to this many seconds after the true time."""
        self.file.write_text(f"{seconds:+d}")


def find_library() -> Path | None:
    found = [path / LIBRARY for path in Path("/usr/lib").glob("*-linux-*")]
    return next((path for path in found if path.exists()), None)


def move_clock(cluster: Cluster, clock: MovableClock, moved: int, *, seconds: float) -> int:
    """Move the clock of one of two workers by ±1 h while both train; moved is its pid.

    Each offset is kept for some seconds. Returns the number of leases that expired.
    """
    jobs = [cluster.post_job() for _ in range(2)]
    for job_id in jobs:
        cluster.wait_for_events(job_id, "epoch", 1)
    assert moved in {find_worker_of(cluster, job_id) for job_id in jobs}
    for offset in (3600, -3600, 0):
        clock.move(offset)
        time.sleep(seconds)
    expired = sum(
        "no heartbeat" in event.payload["reason"]
        for job_id in jobs
        for event in cluster.list_events(job_id, "requeued")
    )
    for job_id in jobs:
        cluster.stop(job_id)
    return expired
