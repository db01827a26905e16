"""Damage the files of served models, fill the disk, and start a second service on the folder."""

import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.ml.models import checkpoint
from app.storage import LocalStorage
from tests.damage import flip_bytes, truncate
from tests.disks import MIB, SmallDisk
from tests.faults.attacks_on_api import is_up, predict
from tests.faults.cluster import TRAINING, Cluster, draw_moment, wait_for
from tests.models import register_model
from tests.servers import find_free_port
from tests.uploads import make_zip
from worker.sweeper import sweep

FLOOR_BYTES = 16 * MIB
DISK_BYTES = 160 * MIB

_DAMAGES = (flip_bytes, truncate, Path.unlink)


def find_storage(cluster: Cluster) -> LocalStorage:
    return LocalStorage(cluster.graft.running.data_dir / "storage")


@dataclass
class Damaged:
    """Predictions around the damage of a served file."""

    while_running: int = 0
    wrong: int = 0
    refused: int = 0
    degraded: int = 0
    others: int = 0


def damage_served_models(cluster: Cluster, *, times: int) -> Damaged:
    """Damage the file of the served model, predict, restart the API, and predict again.

    model-0 is never damaged; each time another model is served.
    """
    found, storage, url = Damaged(), find_storage(cluster), cluster.graft.running.url
    register_model(cluster.database, storage, "model-0")
    for turn in range(1, times + 1):
        name = f"model-{turn}"
        register_model(cluster.database, storage, name, seed=turn)
        chosen = cluster.graft.http.put("/serving", json={"model": f"{name}:1"})
        assert chosen.status_code == 200, chosen.text
        right = {seed: answer_of(predict(url, seed)) for seed in (0, turn)}
        _DAMAGES[turn % len(_DAMAGES)](storage.path(f"jobs/{name}/{turn}/model.safetensors"))
        for _ in range(20):
            answer = predict(url, turn)
            found.while_running += answer.status_code == 200
            found.wrong += answer.status_code == 200 and answer_of(answer) != right[turn]
        (api,) = cluster.graft.list_pids("graft api")
        os.kill(api, signal.SIGKILL)
        wait_for(lambda: is_up(url), "the API")
        refused = predict(url, turn)
        found.wrong += refused.status_code == 200 and answer_of(refused) != right[turn]
        found.refused += (refused.status_code, code_of(refused)) == (503, "CHECKPOINT_INVALID")
        found.degraded += cluster.graft.get("/readyz")["status"] == "degraded"
        other = predict(url, 0)
        found.others += other.status_code == 200 and answer_of(other) == right[0]
    return found


def answer_of(response: httpx.Response) -> str:
    """Return an answer without its times."""
    return response.text.partition('"inference_ms"')[0]


def code_of(response: httpx.Response) -> str:
    return str(response.json().get("code")) if response.status_code >= 400 else ""


def start_second_services(cluster: Cluster, *, times: int) -> int:
    """Start `graft up` on the same data folder; returns how many ended and named the first."""
    named = 0
    for _ in range(times):
        environment = os.environ | {
            "GRAFT_DATA_DIR": str(cluster.graft.running.data_dir),
            "GRAFT_PORT": str(find_free_port()),
        }
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "up"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        first = f"Process {cluster.graft.running.pid} "
        named += done.returncode != 0 and first in done.stdout + done.stderr
    return named


@dataclass(frozen=True)
class Refused:
    """Uploads onto a disk that fills: their answers, and the files and rows that were left."""

    statuses: Counter[int]
    orphans: int
    half: int


def fill_during_uploads(cluster: Cluster, disk: SmallDisk, *, times: int) -> Refused:
    """Upload more than there is room for, with and without a declared length."""
    storage, url = find_storage(cluster), cluster.graft.running.url
    sweep(cluster.database, storage, min_age_seconds=0)
    files, datasets = set(storage.list_keys()), count_datasets(cluster)
    statuses: Counter[int] = Counter()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:  # its entries are stored as they are
        file.writestr("large.png", os.urandom(24 * MIB))
    for turn in range(times):
        disk.fill(leave=FLOOR_BYTES + random.randrange(8 * MIB))
        statuses[post_archive(url, archive.getvalue(), is_declared=turn % 2 == 0)] += 1
        disk.free()
    half = count_datasets(cluster) - datasets
    left = set(storage.list_keys()) - files
    return Refused(statuses, len(left), half)


def post_archive(url: str, content: bytes, *, is_declared: bool) -> int:
    """Upload an archive; returns the status, 0 for a closed connection."""
    head = b'--graft\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    body = head + content + b"\r\n--graft--\r\n"

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), MIB):
            yield body[start : start + MIB]

    headers = {"Content-Type": "multipart/form-data; boundary=graft"}
    with suppress(httpx.TransportError):
        sent = body if is_declared else pieces()
        return httpx.post(f"{url}/datasets", content=sent, headers=headers, timeout=60).status_code
    return 0


def count_datasets(cluster: Cluster) -> int:
    return len(cluster.graft.get("/datasets", limit=100)["data"])


@dataclass(frozen=True)
class Filled:
    """A job whose disk was filled again and again."""

    times: int
    unreadable: int
    attempts: int
    reasons: set[str]
    seconds: list[float]


def fill_during_training(cluster: Cluster, disk: SmallDisk, *, times: int) -> Filled:
    """Fill the disk at random moments of a job; its best checkpoint must load each time."""
    storage = find_storage(cluster)
    job_id = cluster.post_job()
    unreadable, seconds = 0, []
    for _ in range(times):
        cluster.wait_for_child()
        cluster.wait_for_epoch(job_id)
        draw_moment(1)
        disk.fill()
        cluster.graft.wait_for(f"/jobs/{job_id}", "status", "queued", "failed")
        job = cluster.find_job(job_id)
        try:
            checkpoint.load(storage.path(str(job.best_key)))
        except Exception:  # noqa: BLE001 - whatever it is, the pointer is wrong
            unreadable += 1
        start = time.monotonic()
        disk.free()
        cluster.graft.wait_for(f"/jobs/{job_id}", "status", "running", "failed")
        seconds.append(time.monotonic() - start)
    cluster.stop(job_id)
    reasons = {str(event.payload["reason"]) for event in cluster.list_events(job_id, "requeued")}
    return Filled(times, unreadable, cluster.find_job(job_id).attempts, reasons, seconds)


@dataclass(frozen=True)
class WithoutSpace:
    """A data folder without a free byte for a while."""

    refused: Counter[int]
    was_told: bool
    lost: int
    seconds: float


def fill_for_a_while(cluster: Cluster, disk: SmallDisk, *, seconds: float) -> WithoutSpace:
    """Fill the disk while jobs wait and run and a dataset is unpacked; then free it.

    lost counts jobs and datasets that did not end as they would have. seconds is the time until the
    running job runs again.
    """
    url, epochs = cluster.graft.running.url, 30
    jobs = [cluster.post_job(**TRAINING | {"epochs": epochs}) for _ in range(3)]
    cluster.wait_for_epoch(jobs[0])
    dataset = cluster.graft.upload(make_zip(num_train=220, num_val=30, size=64), "waits")
    disk.fill()
    cluster.graft.wait_for(f"/jobs/{jobs[0]}", "status", "queued", "failed")
    was_told = cluster.graft.get("/readyz")["status"] == "degraded"

    def post(turn: int) -> int:
        time.sleep(turn * seconds / 20)
        body = {"dataset_id": cluster.dataset_id, "weights": "none"}
        return httpx.post(f"{url}/jobs", json=body, timeout=60).status_code

    with ThreadPoolExecutor(20) as threads:
        refused = Counter(threads.map(post, range(20)))
    start = time.monotonic()
    disk.free()
    cluster.graft.wait_for(f"/jobs/{jobs[0]}", "status", "running", "succeeded", "failed")
    until_running = time.monotonic() - start
    ends = [cluster.finish(job_id)["status"] for job_id in jobs]
    ready = cluster.graft.wait_for(f"/datasets/{dataset}", "status", "ready", "invalid")
    lost = sum(end != "succeeded" for end in ends) + (ready["status"] != "ready")
    lost += sum(cluster.list_epochs(job_id) != list(range(1, epochs + 1)) for job_id in jobs)
    return WithoutSpace(refused, was_told, lost, until_running)
