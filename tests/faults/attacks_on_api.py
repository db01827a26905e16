"""Kill the API as it answers, and make it serve more models than it can keep."""

import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from app.db.tables import Job
from app.storage import LocalStorage
from tests.faults.cluster import Cluster, wait_for
from tests.faults.proxy import Proxy, proxying
from tests.images import draw_picture, encode
from tests.models import register_model

PICTURE = encode(draw_picture())


@dataclass(frozen=True)
class Retried:
    """Kills after a commit whose reply the client never got, and jobs that a retry made twice.

    before_reply counts the kills before the API had sent the first byte of its reply.
    """

    kills: int
    before_reply: int
    duplicates: int


def kill_before_reply(cluster: Cluster, *, times: int) -> Retried:
    """Kill the API as soon as a new job is committed, and repeat the request.

    A proxy keeps the reply from the client, so that every kill falls between the two for it.
    """
    url = cluster.graft.running.url
    address = urlsplit(url)
    before_reply = duplicates = 0
    for _ in range(times):
        key = uuid4().hex
        body = {"dataset_id": cluster.dataset_id, "epochs": 1, "input_size": 32}
        body |= {"weights": "none", "architecture": "squeezenet1_0", "metadata": {"key": key}}
        before = count_jobs(cluster)
        (api,) = cluster.graft.list_pids("graft api")
        with proxying((str(address.hostname), int(address.port or 80))) as proxy:
            proxy.drops_replies = True
            sender = threading.Thread(target=post_in_vain, args=(proxy, body, key))
            sender.start()
            wait_for_commit(cluster, before)
            before_reply += proxy.num_reply_bytes == 0
            os.kill(api, signal.SIGKILL)
            proxy.cut()
            sender.join()
        wait_for(lambda: is_up(url), "the API")
        answer = post_once(url, body, key)
        assert answer.status_code == 202, answer.text
        found = cluster.graft.get("/jobs", **{"metadata.key": key})["data"]
        duplicates += len(found) - 1
        for job in found:
            cluster.graft.http.post(f"/jobs/{job['id']}/cancel")
    return Retried(times, before_reply, duplicates)


SUICIDE = """
import os
import signal
import subprocess

from sqlalchemy import event
from sqlalchemy.orm import Session

OURS = {name: os.environ[name] for name in ("PYTHONPATH", "GRAFT_TEST_KILL_MARKER")}
MARKER = OURS["GRAFT_TEST_KILL_MARKER"]
start = subprocess.Popen.__init__


def start_with_ours(self, *arguments, env=None, **options):
    start(self, *arguments, env=env if env is None else {**env, **OURS}, **options)


subprocess.Popen.__init__ = start_with_ours  # `graft up` passes on few variables


@event.listens_for(Session, "before_flush")
def note_new_jobs(session, *_):
    if any(type(row).__name__ == "Job" for row in session.new):
        session.info["has_new_job"] = True


@event.listens_for(Session, "after_commit")
def die(session):
    if session.info.pop("has_new_job", False) and os.path.exists(MARKER):
        os.unlink(MARKER)
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""A `sitecustomize` with which the API kills itself after it has committed a new job."""


def kill_after_commit(cluster: Cluster, marker: Path, *, times: int) -> Retried:
    """Let the API die after the commit and before its reply, and repeat the request."""
    url = cluster.graft.running.url
    before_reply = duplicates = 0
    for _ in range(times):
        key, before = uuid4().hex, count_jobs(cluster)
        body = {"dataset_id": cluster.dataset_id, "epochs": 1, "input_size": 32}
        body |= {"weights": "none", "architecture": "squeezenet1_0", "metadata": {"key": key}}
        marker.touch()
        with suppress(httpx.TransportError):
            raise AssertionError(f"there is a reply: {post_once(url, body, key).status_code}")
        before_reply += not marker.exists() and count_jobs(cluster) == before + 1
        wait_for(lambda: is_up(url), "the API")
        answer = post_once(url, body, key)
        assert answer.status_code == 202, answer.text
        found = cluster.graft.get("/jobs", **{"metadata.key": key})["data"]
        assert answer.json()["id"] == found[0]["id"]
        duplicates += len(found) - 1
        cluster.graft.http.post(f"/jobs/{found[0]['id']}/cancel")
    return Retried(times, before_reply, duplicates)


def post_in_vain(proxy: Proxy, body: object, key: str) -> None:
    """Send a request through a proxy; no reply comes back."""
    try:
        answer = post_once(f"http://127.0.0.1:{proxy.port}", body, key)
    except httpx.TransportError:
        return
    raise AssertionError(f"the proxy let a reply through: {answer.status_code}")


def wait_for_commit(cluster: Cluster, before: int) -> None:
    """Wait, without sleeping, until there is another job."""
    deadline = time.monotonic() + 60
    while count_jobs(cluster) == before:
        assert time.monotonic() < deadline, "no job was committed"


def post_once(url: str, body: object, key: str) -> httpx.Response:
    return httpx.post(f"{url}/jobs", json=body, headers={"Idempotency-Key": key}, timeout=60)


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def count_jobs(cluster: Cluster) -> int:
    with cluster.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


@dataclass(frozen=True)
class Served:
    """Answers by status, loads and evictions of models, and the API's memory in MiB."""

    statuses: Counter[int]
    loads: int
    evictions: int
    wrong: int
    idle_mib: int
    peak_mib: int


def serve_too_many_models(cluster: Cluster, *, models: int, requests: int) -> Served:
    """Predict with more models than the cache holds, from eight clients at once."""
    storage = LocalStorage(cluster.graft.running.data_dir / "storage")
    for seed in range(models):
        register_model(cluster.database, storage, f"model-{seed}", seed=seed)
    url = cluster.graft.running.url
    (api,) = cluster.graft.list_pids("graft api")
    expected: dict[int, str] = {}
    for seed in range(models):
        expected[seed] = predict(url, seed).text.partition('"inference_ms"')[0]
    idle = read_memory(api, "VmRSS")
    statuses: Counter[int] = Counter()
    wrong = 0

    def ask(_: int) -> tuple[int, bool]:
        seed = random.randrange(models)
        answer = predict(url, seed)
        same = answer.text.partition('"inference_ms"')[0] == expected[seed]
        return answer.status_code, answer.status_code == 200 and not same

    with ThreadPoolExecutor(8) as threads:
        for status, is_wrong in threads.map(ask, range(requests)):
            statuses[status] += 1
            wrong += is_wrong
    return Served(
        statuses,
        loads=read_counter(url, "graft_model_cache_loads_total"),
        evictions=read_counter(url, "graft_model_cache_evictions_total"),
        wrong=wrong,
        idle_mib=idle,
        peak_mib=read_memory(api, "VmHWM"),
    )


def predict(url: str, seed: int) -> httpx.Response:
    return httpx.post(
        f"{url}/predict",
        params={"model": f"model-{seed}"},
        files=[("image", PICTURE)],
        timeout=60,
    )


def read_memory(pid: int, name: str) -> int:
    """Return a figure of /proc/PID/status in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) // 1024
    raise LookupError(name)


def read_counter(url: str, name: str) -> int:
    text = httpx.get(f"{url}/metrics", timeout=30).text
    samples = [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]
    return int(sum(sample.value for sample in samples))
