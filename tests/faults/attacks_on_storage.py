"""Kill processes while they write checkpoints and unpack archives."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from app.db.session import Database
from app.db.tables import Epoch, Job
from app.jobs import service as jobs
from app.jobs.lifecycle import record_epochs
from app.ml.models import checkpoint
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from tests.datasets import add_dataset
from tests.faults.cluster import Cluster, draw_moment, is_running, wait_for
from tests.models import save_model
from tests.uploads import make_zip
from worker.sweeper import sweep


@dataclass(frozen=True)
class Torn:
    """Kills, how many of them hit a checkpoint in writing, and pointers at incomplete files."""

    kills: int
    in_writing: int
    torn: int
    left_after_sweep: int


def kill_writers(
    database: Database, storage: LocalStorage, settings: Settings, *, times: int
) -> Torn:
    """Kill a process at random moments while it writes checkpoints and records them."""
    dataset_id = add_dataset(database)
    with database.transaction() as session:
        request = JobRequest(dataset_id=dataset_id, weights="none", epochs=10_000)
        job_id = jobs.create_job(session, request, settings).id
    digest = save_model(storage, "expected.safetensors").digest
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    url = database.engine.url.render_as_string(hide_password=False)
    torn = in_writing = 0
    for _ in range(times):
        before = read_epoch(database, job_id)
        writer = context.Process(target=write_for_ever, args=(url, storage.root, job_id))
        writer.start()
        assert writer.pid is not None
        wait_for(lambda known=before: read_epoch(database, job_id) > known, "a checkpoint")  # type: ignore[misc]
        draw_moment(0.1)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        in_writing += any(key.endswith(".part") for key in storage.list_keys())
        with database.reading() as session:
            job = session.get_one(Job, job_id)
            pointers = {str(job.state_key), str(job.best_key)}
        for key in pointers:
            try:
                checkpoint.load(storage.path(key), digest=digest)
            except Exception:  # noqa: BLE001 - whatever it is, the pointer is wrong
                torn += 1
    sweep(database, storage, min_age_seconds=0)
    left = set(storage.list_keys()) - pointers
    return Torn(times, in_writing, torn, len(left))


def read_epoch(database: Database, job_id: str) -> int:
    with database.reading() as session:
        return session.get_one(Job, job_id).resume_epoch


def write_for_ever(url: str, root: Path, job_id: str) -> None:
    """Write a checkpoint, record it, delete the one before; runs in a process of its own."""
    database, storage = Database(url), LocalStorage(root)
    while True:
        epoch = read_epoch(database, job_id) + 1
        key = f"jobs/{job_id}/{os.getpid()}-{epoch}.safetensors"
        save_model(storage, key)
        with database.transaction() as session:
            superseded = record_epochs(
                session,
                job_id,
                [make_epoch(job_id, epoch)],
                improved=[epoch],
                state_key=key,
                best_key=key,
            )
        for old in superseded:
            storage.delete(old)


def make_epoch(job_id: str, epoch: int) -> Epoch:
    return Epoch(
        job_id=job_id,
        epoch=epoch,
        train_loss=0.5,
        train_accuracy=0.7,
        val_loss=0.6,
        val_accuracy=0.5,
        learning_rate=0.1,
        seconds=1.0,
        images_per_second=4.0,
    )


@dataclass(frozen=True)
class Extraction:
    """A dataset whose ingestion was killed, and the files that were left in the end."""

    kills: int
    status: str
    error_code: str | None
    orphans: int


def kill_extraction(cluster: Cluster, *, kills: int, num_train: int) -> Extraction:
    """Kill the children that unpack one archive at random moments.

    Then the dataset is deleted and the storage swept; what it has stored must be gone.
    """
    storage = LocalStorage(cluster.graft.running.data_dir / "storage")
    sweep(cluster.database, storage, min_age_seconds=0)
    before = set(storage.list_keys())
    archive = make_zip(num_train=num_train, class_names=("blue", "green"))
    dataset_id = cluster.graft.upload(archive, "killed")
    made, child = 0, 0
    while made < kills:
        state = cluster.graft.get(f"/datasets/{dataset_id}")
        if state["status"] != "ingesting":
            break
        found = [one for one in cluster.list_children("ingestion") if one != child]
        if not found:
            time.sleep(0.01)
            continue
        child = found[0]
        draw_moment(0.3)
        images = cluster.graft.http.get(f"/datasets/{dataset_id}/images")
        still = cluster.graft.get(f"/datasets/{dataset_id}")["status"]
        if still == "ingesting" and is_running(child):
            assert images.json()["data"] == [], "images of a dataset that is not ready are shown"
            os.kill(child, signal.SIGKILL)
            made += 1
    dataset = cluster.graft.wait_for(f"/datasets/{dataset_id}", "status", "ready", "invalid")
    if dataset["status"] == "ready":
        assert dataset["splits"]["train"]["num_images"] == 2 * num_train
        listed = cluster.graft.get(f"/datasets/{dataset_id}/images", limit=1)
        assert len(listed["data"]) == 1
    assert cluster.graft.http.delete(f"/datasets/{dataset_id}").status_code == 204
    sweep(cluster.database, storage, min_age_seconds=0)
    orphans = set(storage.list_keys()) - before
    code = dataset["error"]["code"] if dataset["error"] else None
    return Extraction(made, dataset["status"], code, len(orphans))
