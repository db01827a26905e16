"""Restart PostgreSQL under load, and write to SQLite from many processes at once."""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from app.db.session import Database
from app.db.tables import Job, WorkItem
from tests.faults.cluster import Cluster
from tests.faults.sqlite_writer import Written, beat_for

if TYPE_CHECKING:
    from multiprocessing.queues import Queue


@dataclass
class Load:
    """Clients that submit and cancel jobs, and remember what the service has acknowledged."""

    url: str
    dataset_id: str
    acknowledged: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def run_during(self, disturb: Callable[[], None], *, clients: int = 4) -> None:
        threads = [threading.Thread(target=self._submit) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            disturb()
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _submit(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as http:
            while not self._over.is_set():
                job_id = self._post_once(http)
                if job_id and random.random() < 0.9:
                    answer = self._send(http, f"/jobs/{job_id}/cancel")
                    if answer is not None and answer.status_code == 202:
                        with self._lock:
                            self.cancelled.append(job_id)
                self._send(http, "/jobs")
                time.sleep(0.05)

    def _post_once(self, http: httpx.Client) -> str | None:
        body = {"dataset_id": self.dataset_id, "epochs": 1, "input_size": 32, "weights": "none"}
        answer = self._send(http, "/jobs", json=body, key=uuid4().hex)
        if answer is None or answer.status_code != 202:
            return None
        job_id = str(answer.json()["id"])
        with self._lock:
            self.acknowledged.append(job_id)
        return job_id

    def _send(
        self, http: httpx.Client, path: str, *, json: object = None, key: str = ""
    ) -> httpx.Response | None:
        method = "GET" if path == "/jobs" and json is None else "POST"
        try:
            answer = http.request(
                method, path, json=json, headers={"Idempotency-Key": key} if key else {}
            )
        except httpx.TransportError:
            return None
        with self._lock:
            self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        return answer


def restart_under_load(cluster: Cluster, *, times: int, pause: tuple[float, float]) -> Load:
    """Restart PostgreSQL some times, after random pauses, while clients write and a job runs.

    Fails if something acknowledged is lost, or if the job does not go on.
    """
    assert cluster.postgres is not None
    postgres = cluster.postgres
    job_id = cluster.post_job()
    cluster.wait_for_events(job_id, "epoch", 1)
    load = Load(cluster.graft.running.url, cluster.dataset_id)

    def restart() -> None:
        for _ in range(times):
            time.sleep(random.uniform(*pause))
            postgres.restart()
        time.sleep(1)

    load.run_during(restart)
    before = len(cluster.list_epochs(job_id))
    cluster.wait_for_events(job_id, "epoch", before + 1)
    cluster.stop(job_id)
    return load


def count_lost(cluster: Cluster, load: Load) -> int:
    """Return how many acknowledged jobs and cancellations the database does not have."""
    with cluster.database.reading() as session:
        known = {row.id: row.status for row in session.execute(select(Job.id, Job.status))}
    lost = [job_id for job_id in load.acknowledged if job_id not in known]
    undone = [
        job_id for job_id in load.cancelled if known.get(job_id) not in {"cancelled", "cancelling"}
    ]
    return len(lost) + len(undone)


def write_from_processes(database: Database, *, processes: int, seconds: float) -> list[Written]:
    """Write heartbeats from several processes to a SQLite file."""
    url = database.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    results: Queue[Written] = context.Queue()
    writers = [
        context.Process(target=beat_for, args=(url, f"writer_{number}", seconds, results))
        for number in range(processes)
    ]
    for writer in writers:
        writer.start()
    written = [results.get(timeout=seconds + 120) for _ in writers]
    for writer in writers:
        writer.join()
    return written


def count_heartbeats(database: Database) -> int:
    """Return the sum of the writers' heartbeats in the database."""
    with database.reading() as session:
        mine = WorkItem.subject_id.like("writer%")
        return int(session.scalar(select(func.sum(WorkItem.heartbeat)).where(mine)) or 0)
