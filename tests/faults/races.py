"""Race users' requests against each other and against the end of a job."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from sqlalchemy import select

from app.db.session import Database
from app.db.tables import Job, JobEvent, ModelAlias, ModelVersion, WorkItem
from app.errors import IllegalTransition
from app.jobs import service as jobs
from app.jobs.states import TERMINAL
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.datasets import add_dataset
from tests.faults.cluster import Cluster
from tests.images import draw_picture, encode
from tests.models import register_model
from worker.kinds import make_kinds
from worker.protocol import EpochRow, EpochsDone, Trained
from worker.recorder import Recorder


def race(steps: Sequence[Callable[[], object]]) -> list[object]:
    """Run steps in threads that start together; return their results or domain errors."""
    together = threading.Barrier(len(steps))

    def run(step: Callable[[], object]) -> object:
        together.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as threads:
        return [future.result() for future in [threads.submit(run, step) for step in steps]]


def cancel_as_it_finishes(
    database: Database, storage: LocalStorage, settings: Settings, *, times: int
) -> tuple[Counter[str], list[str]]:
    """Cancel jobs at the moment in which their worker records the result.

    Returns how often each state won, and the contradictions found.
    """
    dataset_id = add_dataset(database, digest="0" * 64, manifest_key="manifest")
    kinds = make_kinds(settings, storage)
    winners: Counter[str] = Counter()
    contradictions: list[str] = []
    for _ in range(times):
        with database.transaction() as session:
            request = JobRequest(dataset_id=dataset_id, weights="none", epochs=1)
            job_id = jobs.create_job(session, request, settings).id
        with database.transaction() as session:
            lease = work.claim(session, "train", "me")
            assert lease is not None
            kinds["train"].begin(session, lease)
        recorder = Recorder(database, storage, lease, kinds, settings)
        recorder.record(EpochsDone(rows=[EPOCH], state_key="state", best_key="best"))

        def cancel(job: str = job_id) -> bool:
            try:
                with database.transaction() as session:
                    jobs.cancel_job(session, job)
            except IllegalTransition:
                return False
            return True

        cancelled, _done = race([cancel, lambda one=recorder: one.record(TRAINED)])  # type: ignore[misc]
        winners[_check(database, job_id, bool(cancelled), contradictions)] += 1
    return winners, contradictions


def _check(database: Database, job_id: str, cancelled: bool, contradictions: list[str]) -> str:
    with database.reading() as session:
        job = session.get_one(Job, job_id)
        item = session.scalars(select(WorkItem).where(WorkItem.subject_id == job_id)).one()
        events = session.scalars(select(JobEvent.type).where(JobEvent.job_id == job_id)).all()
        versions = session.scalars(select(ModelVersion).where(ModelVersion.job_id == job_id)).all()
    ends = [event for event in events if event in TERMINAL]
    expected = "cancelled" if cancelled else "succeeded"
    if not (
        job.status == expected
        and ends == [expected]
        and item.status == "done"
        and len(versions) == (expected == "succeeded")
    ):
        contradictions.append(f"{job.status}, {ends}, {item.status}, {len(versions)} versions")
    return job.status


EPOCH = EpochRow(
    epoch=1,
    train_loss=0.5,
    train_accuracy=0.7,
    val_loss=0.5,
    val_accuracy=0.75,
    learning_rate=0.1,
    seconds=1.0,
    images_per_second=4.0,
    is_best=True,
)
TRAINED = Trained(best_epoch=1, model_key="model", model_digest="ab", num_bytes=1)


def delete_while_used(cluster: Cluster, *, rounds: int) -> tuple[Counter[int], list[str]]:
    """Delete a dataset as a job is posted on it, and a version as it is promoted and used.

    Returns how often each status was answered, and what was left half-done.
    """
    statuses: Counter[int] = Counter()
    half: list[str] = []
    for number in range(rounds):
        statuses.update(_delete_dataset(cluster, half))
        statuses.update(_delete_version(cluster, number, half))
    return statuses, half


def _delete_dataset(cluster: Cluster, half: list[str]) -> list[int]:
    dataset_id = add_dataset(cluster.database, digest="0" * 64, manifest_key="manifest")
    url = cluster.graft.running.url
    body = {"dataset_id": dataset_id, "weights": "none", "epochs": 1}
    posted, deleted = race(
        [
            lambda: httpx.post(f"{url}/jobs", json=body, timeout=60),
            lambda: httpx.delete(f"{url}/datasets/{dataset_id}", timeout=60),
        ]
    )
    assert isinstance(posted, httpx.Response)
    assert isinstance(deleted, httpx.Response)
    if posted.status_code == 202:
        job_id = posted.json()["id"]
        cluster.graft.http.post(f"/jobs/{job_id}/cancel")
        cluster.finish(job_id)
        if deleted.status_code == 204 and cluster.find_job(job_id).status == "succeeded":
            half.append("a job has succeeded on a deleted dataset")
        if deleted.status_code == 204 and cluster.find_job(job_id).error_code is None:
            half.append("a job was accepted on a deleted dataset")
    return [posted.status_code, deleted.status_code]


def _delete_version(cluster: Cluster, number: int, half: list[str]) -> list[int]:
    name = f"raced-{number}"
    storage = LocalStorage(cluster.graft.running.data_dir / "storage")
    version = register_model(cluster.database, storage, name)
    url = cluster.graft.running.url
    answers = race(
        [
            lambda: httpx.put(
                f"{url}/models/{name}/aliases/champion", json={"version": version}, timeout=60
            ),
            lambda: httpx.delete(f"{url}/models/{name}/versions/{version}", timeout=60),
            lambda: httpx.post(
                f"{url}/predict",
                params={"model": f"{name}:{version}"},
                files=[("image", PICTURE)],
                timeout=60,
            ),
        ]
    )
    with cluster.database.reading() as session:
        versions = session.scalars(select(ModelVersion).where(ModelVersion.name == name)).all()
        alias = session.scalar(select(ModelAlias).where(ModelAlias.name == name))
    is_there = version in {one.version for one in versions}
    if alias is not None and not is_there:
        half.append(f"the alias of {name} points to a version that was deleted")
    return [one.status_code for one in answers if isinstance(one, httpx.Response)]


PICTURE = encode(draw_picture())
