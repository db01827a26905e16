"""Databases that hold the API up, while it is asked for what needs them."""

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx

from tests.faults.cluster import Cluster

WAIT_SECONDS = 120


def hold_up_sqlite(cluster: Cluster, *, previews: int, seconds: float) -> Counter[int]:
    """Hold SQLite's write lock while charts are drawn and jobs are posted; returns the statuses."""
    file = cluster.graft.running.data_dir / "graft.db"
    url, dataset_id = cluster.graft.running.url, cluster.dataset_id

    def draw(number: int) -> int:
        path = f"/datasets/{dataset_id}/preview.png?seed={number}"
        return httpx.get(f"{url}{path}", timeout=WAIT_SECONDS).status_code

    def post(_: int) -> int:
        body = {"dataset_id": dataset_id, "epochs": 1, "weights": "none"}
        return httpx.post(f"{url}/jobs", json=body, timeout=WAIT_SECONDS).status_code

    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        return _ask_during(seconds, [(draw, previews), (post, 8)], connection.rollback)


def freeze_postgres(cluster: Cluster, *, requests: int, seconds: float) -> Counter[int]:
    """Stop every process of PostgreSQL with SIGSTOP while it is needed; returns the statuses."""
    assert cluster.postgres is not None
    url = cluster.graft.running.url

    def read(_: int) -> int:
        return httpx.get(f"{url}/jobs", timeout=WAIT_SECONDS).status_code

    pids = cluster.postgres.list_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def thaw() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    return _ask_during(seconds, [(read, requests)], thaw)


Ask = Callable[[int], int]


def _ask_during(
    seconds: float, asked: Sequence[tuple[Ask, int]], end: Callable[[], None]
) -> Counter[int]:
    """Send requests, end the hold-up after some time, and return the statuses of all."""
    number = sum(times for _, times in asked)
    with ThreadPoolExecutor(number) as threads:
        futures = [threads.submit(ask, turn) for ask, times in asked for turn in range(times)]
        try:
            time.sleep(seconds)
        finally:
            end()
        return Counter(future.result() for future in futures)
