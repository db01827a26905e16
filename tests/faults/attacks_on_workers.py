"""Kill, freeze and stop workers and their children while they train, and measure what follows."""

import os
import re
import signal
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.db.worker_table import Worker
from tests.faults.cluster import (
    Cluster,
    draw_moment,
    is_running,
    quantile,
    wait_for,
    wait_for_end,
)
from tests.faults.proxy import Proxy


@dataclass
class Recoveries:
    """Seconds of each interruption, and epochs that were trained again after it."""

    child_gone: list[float] = field(default_factory=list)
    detected: list[float] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    def describe(self) -> str:
        parts = [f"{len(self.resumed)} times"]
        for name, values in (
            ("child gone", self.child_gone),
            ("detected", self.detected),
            ("resumed", self.resumed),
        ):
            if values:
                parts.append(f"{name}: p95 {quantile(values, 0.95):.2f} s")
        return "; ".join([*parts, f"epochs repeated ≤ {max(self.repeated)}"])


def read_learned(cluster: Cluster, job_id: str) -> list[dict[str, float]]:
    """Return the history without what the clock determines."""
    history = cluster.graft.get(f"/jobs/{job_id}/history")["data"]
    return [
        {key: row[key] for key in row.keys() - {"seconds", "images_per_second"}} for row in history
    ]


def interrupt_repeatedly(
    cluster: Cluster, victim: str, *, times: int, **fields: Any
) -> tuple[str, Recoveries]:
    """Kill the worker's process group or the child at random moments of one job.

    Between two kills the job commits an epoch, as three attempts without one would fail it. Returns
    the job, which then is stopped, and what was measured.
    """
    job_id = cluster.post_job(**fields)
    found = Recoveries()
    for _ in range(times):
        committed = len(cluster.list_epochs(job_id))
        wait_for(
            lambda known=committed: len(cluster.list_epochs(job_id)) > known,  # type: ignore[misc]
            f"an epoch after {committed}",
            120,
        )
        draw_moment(1.5)  # short epochs share a checkpoint for a second
        child = cluster.wait_for_child()
        in_training = cluster.find_job(job_id).progress["epoch"]
        before = {name: len(cluster.list_events(job_id, name)) for name in ("requeued", "running")}
        killed_at = time.time()
        if victim == "worker":
            os.killpg(os.getpgid(cluster.find_main_worker()), signal.SIGKILL)
        else:
            os.kill(child, signal.SIGKILL)
        found.child_gone.append(wait_for_end(child) - killed_at)
        event = cluster.wait_for_events(job_id, "requeued", before["requeued"] + 1)
        found.detected.append(event.at - killed_at)
        again = cluster.wait_for_events(job_id, "running", before["running"] + 1)
        found.resumed.append(again.at - killed_at)
        from_epoch = again.payload["from_epoch"]
        assert from_epoch >= committed, "a committed epoch was lost"
        found.repeated.append(max(0, in_training - from_epoch))
    cluster.stop(job_id)
    return job_id, found


def freeze_worker(cluster: Cluster, second: int) -> tuple[str, float]:
    """Stop the worker of a job past its lease, let another take the job, then continue the first.

    It must let the job go: its next write is rejected, or if it was stopped in a transaction, that
    has been rolled back. second is the pid of a further worker. Returns the job, and the seconds
    until the other worker had it.
    """
    job_id = cluster.post_job()
    lost = count_lost_attempts(cluster)
    cluster.wait_for_events(job_id, "epoch", 1)
    owner = find_worker_of(cluster, job_id)
    others = {cluster.find_main_worker(), second} - {owner}
    assert len(others) == 1, "two workers serve the queue"
    child = cluster.wait_for_child()
    os.kill(owner, signal.SIGSTOP)
    stopped_at = time.time()
    try:
        wait_for_end(child)
        again = cluster.wait_for_events(job_id, "running", 2)
        assert find_worker_of(cluster, job_id) in others
        before = len(cluster.list_epochs(job_id))
        cluster.wait_for_events(job_id, "epoch", before + 1)
    finally:
        os.kill(owner, signal.SIGCONT)
    wait_for(lambda: count_lost_attempts(cluster) > lost, "a lost attempt")
    cluster.stop(job_id)
    return job_id, again.at - stopped_at


def find_worker_of(cluster: Cluster, job_id: str) -> int:
    """Return the pid of the worker that has a job's lease."""
    found: list[int] = []

    def look() -> bool:
        owner = cluster.find_owner(job_id)
        with cluster.database.reading() as session:
            workers = session.scalars(select(Worker)).all()
        found[:] = [worker.pid for worker in workers if owner in worker.owners.values()]
        return bool(found)

    wait_for(look, f"the worker of {job_id}")
    return found[0]


def count_lost_attempts(cluster: Cluster) -> int:
    """Return how many attempts their workers let go, by the logs of all workers."""
    return len(re.findall(r"attempt \d+: lost", cluster.read_logs()))


def count_rejected_writes(cluster: Cluster) -> int:
    """Return how many writes of former owners were rejected, by the logs of all workers."""
    return cluster.read_logs().count("is no longer leased by this worker")


def crash_every_attempt(cluster: Cluster, number: signal.Signals) -> dict[str, Any]:
    """End every attempt at a job by a signal before its first epoch; return the job."""
    worker = cluster.find_main_worker()
    job_id = cluster.post_job(input_size=224)
    child = None
    for attempt in range(1, 4):
        cluster.wait_for_events(job_id, "running", attempt)
        child = cluster.wait_for_child(other_than=child)
        os.kill(child, number)
    job = cluster.finish(job_id)
    assert cluster.find_main_worker() == worker, "the worker was restarted"
    return job


def freeze_child(cluster: Cluster) -> tuple[dict[str, Any], float]:
    """Stop a child, which then reports nothing; return its job and the seconds until it failed."""
    job_id = cluster.post_job()
    cluster.wait_for_events(job_id, "epoch", 1)
    child = cluster.wait_for_child()
    os.kill(child, signal.SIGSTOP)
    stopped_at = time.time()
    job = cluster.finish(job_id)
    assert not is_running(child)
    return job, cluster.list_events(job_id, "failed")[0].at - stopped_at


def drain_repeatedly(cluster: Cluster, *, times: int) -> tuple[str, list[float]]:
    """Send SIGTERM to the worker in mid-epoch; return the job, and the seconds to exit."""
    job_id = cluster.post_job()
    seconds = []
    for turn in range(times):
        committed = cluster.list_epochs(job_id)
        wait_for(
            lambda before=committed: len(cluster.list_epochs(job_id)) > len(before),  # type: ignore[misc]
            "another epoch",
            120,
        )
        draw_moment(1)
        worker = cluster.find_main_worker()
        os.kill(worker, signal.SIGTERM)
        start = time.time()
        seconds.append(wait_for_end(worker, 60) - start)
        again = cluster.wait_for_events(job_id, "running", turn + 2)
        assert again.payload["from_epoch"] >= len(committed), "a committed epoch was lost"
    cluster.stop(job_id)
    return job_id, seconds


def isolate_from_database(
    cluster: Cluster, proxy: Proxy, isolated: int, *, freeze: bool
) -> tuple[str, float]:
    """Take the database from the worker `isolated`, which reaches it through the proxy.

    freeze: its connections stay open and silent, instead of being closed. Returns its job, which
    another worker has taken over, and by how many seconds the first child outlived that moment: a
    negative number, if the first had ended before.
    """
    jobs = [cluster.post_job() for _ in range(2)]
    for one in jobs:
        cluster.wait_for_events(one, "epoch", 1)
    (job_id,) = [one for one in jobs if find_worker_of(cluster, one) == isolated]
    (other,) = [one for one in jobs if one != job_id]
    (child,) = cluster.list_children(of=isolated)
    if freeze:
        proxy.freeze(new_too=True)
    else:
        proxy.cut()
    cluster.graft.http.post(f"/jobs/{other}/cancel")  # whose worker is free then
    ended_at = wait_for_end(child)
    again = cluster.wait_for_events(job_id, "running", 2)
    proxy.mend()
    cluster.stop(job_id)
    return job_id, ended_at - again.at
