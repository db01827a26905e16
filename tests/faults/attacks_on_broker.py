"""Double, lose and delay the notifications of workers; stop, wipe and freeze the broker."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from app.tasks.notifications import CeleryNotifier
from tests.faults.cluster import Cluster, is_running, wait_for
from tests.faults.proxy import Proxy


def notify_too_often(cluster: Cluster, *, extra: int) -> list[int]:
    """Send extra notifications before, while and after two jobs run; return runs of each job."""
    assert cluster.redis is not None
    url = f"redis://127.0.0.1:{cluster.redis.port}/0"
    notifier = CeleryNotifier(url, expires_seconds=60)
    jobs = []
    for _ in range(2):
        for _ in range(extra // 4):
            notifier.notify("train")
        jobs.append(cluster.post_job(epochs=2))
        for _ in range(extra // 4):
            notifier.notify("train")
    for job_id in jobs:
        assert cluster.finish(job_id)["status"] == "succeeded"
    notifier.close()
    return [len(cluster.list_events(job_id, "running")) for job_id in jobs]


def lose_notifications(cluster: Cluster) -> float:
    """Wipe Redis while a job's notification lies in it; return seconds from queued to running."""
    assert cluster.redis is not None
    with frozen_worker(cluster):
        job_id = cluster.post_job(epochs=1)
        cluster.redis.flush()
    return end_and_measure(cluster, job_id)


def lose_broker_file(cluster: Cluster) -> float:
    """Delete the embedded broker's file while a job's notification lies in it; return the seconds.

    They count from the job's queueing until it runs.
    """
    with frozen_worker(cluster):
        job_id = cluster.post_job(epochs=1)
        for path in cluster.graft.running.data_dir.glob("broker.db*"):
            path.unlink()
    return end_and_measure(cluster, job_id)


@contextmanager
def frozen_worker(cluster: Cluster) -> Iterator[None]:
    """Stop the main worker, which must be idle, during the block.

    SQLite has one writer at a time: this one, so that the worker does not stop while it writes.
    """
    assert cluster.dataset_id  # which it must check first
    worker = cluster.find_main_worker()
    with cluster.database.transaction() as session:
        session.execute(text("SELECT 1"))
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def stop_broker(cluster: Cluster, *, seconds: float) -> tuple[int, int, float]:
    """Stop Redis for some seconds while a job runs and others are submitted.

    Returns the jobs submitted, how many of them were refused, and the seconds from the broker's
    return until the last of them had ended.
    """
    assert cluster.redis is not None
    running = cluster.post_job()
    cluster.wait_for_events(running, "epoch", 1)
    submitted: list[str] = []
    refused = 0
    cluster.redis.stop()
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = cluster.graft.http.post(
                "/jobs",
                json={"dataset_id": cluster.dataset_id, "epochs": 1, "input_size": 32}
                | {"architecture": "squeezenet1_0", "weights": "none", "num_threads": 1},
            )
            if answer.status_code == 202:
                submitted.append(answer.json()["id"])
            else:
                refused += 1
            time.sleep(max(0.5, seconds / 20))
        before = len(cluster.list_epochs(running))
        cluster.wait_for_events(running, "epoch", before + 1)
        assert cluster.graft.get("/readyz")["status"] == "degraded"
    finally:
        cluster.redis.start()
    back_at = time.monotonic()
    assert len(cluster.list_events(running, "running")) == 1
    cluster.stop(running)
    for job_id in submitted:
        assert cluster.finish(job_id)["status"] == "succeeded"
    return len(submitted) + refused, refused, time.monotonic() - back_at


def freeze_broker(cluster: Cluster, proxy: Proxy) -> float:
    """Freeze all connections to the broker; return the seconds until a new job runs."""
    assert proxy.freeze() > 0
    job_id = cluster.post_job(epochs=1)
    return end_and_measure(cluster, job_id)


def end_and_measure(cluster: Cluster, job_id: str) -> float:
    """Wait until a job has succeeded; return the seconds from queued to running."""
    assert cluster.finish(job_id)["status"] == "succeeded"
    begun = cluster.list_events(job_id, "running")[0].at
    return begun - cluster.list_events(job_id, "queued")[0].at


def drain_with_frozen_broker(cluster: Cluster, proxy: Proxy) -> float:
    """Send SIGTERM to the main worker while the broker is silent; return the seconds to exit."""
    worker = cluster.find_main_worker()
    proxy.freeze(new_too=True)
    start = time.monotonic()
    os.kill(worker, signal.SIGTERM)
    wait_for(lambda: not is_running(worker), "the end of the worker")
    seconds = time.monotonic() - start
    proxy.mend()
    cluster.find_main_worker()
    return seconds
