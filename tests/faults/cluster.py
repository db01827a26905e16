"""A service with short leases, its broker and its database, as tests of faults disturb it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.access.local_keys import create_local_admin_key
from app.db.session import Database
from app.db.tables import Epoch, Job, JobEvent, WorkItem
from app.settings import Settings
from tests.e2e.conftest import Graft
from tests.faults.databases import Postgres, RedisServer, restartable_postgres
from tests.faults.proxy import Proxy, proxying
from tests.servers import list_descendants, running_graft
from tests.tenants import ensure_tenant
from tests.uploads import make_zip

LEASE_SECONDS = float(os.environ.get("GRAFT_FAULTS_LEASE_SECONDS", "1"))

LONG: dict[str, str | float] = {
    "heartbeat_seconds": 0.2,
    "lease_seconds": LEASE_SECONDS,
    "silence_seconds": 0.7 * LEASE_SECONDS,
}
"""For the long forms, which have the machine to themselves; a busy one needs a longer lease."""

SHORT: dict[str, str | float] = {
    "heartbeat_seconds": 0.2,
    "lease_seconds": 5,
    "silence_seconds": 3,
}
"""For `make test`, where other tests take the cores for seconds."""

COMMON: dict[str, str | float] = {"idle_poll_seconds": 600, "notify_seconds": 1}
"""No worker looks for work by itself, so that every notification is needed."""

TRAINING: dict[str, Any] = {"preset": "tutorial", "input_size": 32, "epochs": 5000}
"""A job that goes on until it is stopped: a learning rate that does not depend on its length, and
epochs of some hundredths of a second, which share a checkpoint for a second."""

SCALE = float(os.environ.get("GRAFT_FAULTS_SCALE", "1"))


def scaled(number: int) -> int:
    """Return a number of repetitions, less where GRAFT_FAULTS_SCALE is below 1; at least 2."""
    return max(2, round(number * SCALE))


@dataclass(frozen=True)
class Event:
    """An event of a job; the time is the database's, in seconds since 1970."""

    type: str
    payload: dict[str, Any]
    at: float


@dataclass(frozen=True)
class WorkerProcess:
    """`graft worker` in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> int:
        """Send SIGTERM; return the exit code, and fail if there is none within 60 seconds."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@dataclass
class Cluster:
    """A running service and what it depends on."""

    graft: Graft
    database: Database
    settings: Mapping[str, str | float | Path]
    folder: Path
    redis: RedisServer | None = None
    broker_proxy: Proxy | None = None
    postgres: Postgres | None = None
    workers: dict[str, WorkerProcess] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _dataset_id: str | None = None

    @property
    def dataset_id(self) -> str:
        """A dataset of 16 training images that is ready; uploaded once."""
        if self._dataset_id is None:
            self._dataset_id = self.graft.upload(make_zip(num_train=8), "colors")
            self.graft.wait_for(f"/datasets/{self._dataset_id}", "status", "ready")
        return self._dataset_id

    def post_job(self, **fields: Any) -> str:
        return self.graft.post_job(dataset_id=self.dataset_id, **(TRAINING | fields))

    def stop(self, job_id: str) -> int:
        """Stop a job; fail unless it then has every epoch once, in rows and in events.

        Returns the number of its epochs.
        """
        self.graft.wait_for(f"/jobs/{job_id}", "status", "running")  # else it would be cancelled
        assert self.graft.http.post(f"/jobs/{job_id}/stop").status_code == 202
        job = self.finish(job_id)
        assert job["status"] == "succeeded", job
        epochs = self.list_epochs(job_id)
        assert epochs == list(range(1, len(epochs) + 1))
        told = [event.payload["epoch"] for event in self.list_events(job_id, "epoch")]
        assert told == epochs
        return len(epochs)

    def finish(self, job_id: str, *, seconds: float = 300) -> dict[str, Any]:
        """Wait until a job is terminal; return it."""
        job: dict[str, Any] = self.graft.wait_for(
            f"/jobs/{job_id}", "is_terminal", True, seconds=seconds
        )
        return job

    def list_events(self, job_id: str, event_type: str | None = None) -> list[Event]:
        """Return the events of a job, of one type or of all; none while the database is gone."""
        try:
            with self.database.reading() as session:
                rows = session.scalars(
                    select(JobEvent)
                    .where(JobEvent.job_id == job_id)
                    .order_by(JobEvent.event_number)
                ).all()
        except SQLAlchemyError:
            return []
        return [
            Event(row.type, row.payload, row.created_at.timestamp())
            for row in rows
            if event_type in {None, row.type}
        ]

    def wait_for_events(
        self, job_id: str, event_type: str, number: int, *, seconds: float = 120
    ) -> Event:
        """Wait until a job has this many events of a type; return the last of them."""
        wait_for(
            lambda: len(self.list_events(job_id, event_type)) >= number,
            f"{number} events {event_type} of {job_id}",
            seconds,
        )
        return self.list_events(job_id, event_type)[number - 1]

    def wait_for_epoch(self, job_id: str) -> None:
        """Wait until a job has committed an epoch."""
        wait_for(lambda: bool(self.list_epochs(job_id)), f"an epoch of {job_id}", 120)

    def list_epochs(self, job_id: str) -> list[int]:
        with self.database.reading() as session:
            query = select(Epoch.epoch).where(Epoch.job_id == job_id).order_by(Epoch.epoch)
            return list(session.scalars(query))

    def find_owner(self, job_id: str) -> str | None:
        """Return the owner of a job's lease."""
        with self.database.reading() as session:
            query = select(WorkItem.owner).where(WorkItem.subject_id == job_id)
            return session.scalar(query)

    def find_job(self, job_id: str) -> Job:
        with self.database.reading() as session:
            return session.get_one(Job, job_id)

    def find_main_worker(self) -> int:
        """Return the worker of `graft up`, once it runs."""
        found: list[int] = []

        def look() -> bool:
            found[:] = self.graft.list_pids("graft worker cpu predict train")
            return len(found) == 1

        wait_for(look, "the worker")
        return found[0]

    def list_children(self, kind: str = "training", *, of: int | None = None) -> list[int]:
        """Return the running children of a kind, of all workers or below one process."""
        roots = [of] if of else [self.graft.running.pid, *(w.pid for w in self.workers.values())]
        return [
            pid
            for root in roots
            for pid, title in list_descendants(root).items()
            if title == f"graft worker.{kind}" and is_running(pid)
        ]

    def wait_for_child(self, kind: str = "training", *, other_than: int | None = None) -> int:
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid in self.list_children(kind) if pid != other_than]
            return bool(found)

        wait_for(look, f"a child {kind}")
        return found[0]

    def start_worker(
        self,
        name: str,
        *queues: str,
        environment: Mapping[str, str] | None = None,
        **settings: str | float,
    ) -> WorkerProcess:
        """Start another worker, with other settings or variables; it ends with the cluster."""
        values = {"data_dir": self.graft.running.data_dir} | dict(self.settings) | settings
        variables = os.environ | {f"GRAFT_{key.upper()}": str(one) for key, one in values.items()}
        variables |= {"GRAFT_DEVICE": "cpu", "GRAFT_WEIGHTS_DOWNLOAD": "false"}
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            worker = WorkerProcess(
                subprocess.Popen(
                    [
                        *(sys.executable, "-m", "app.cli", "worker"),
                        *(word for queue in queues or ("train",) for word in ("--queue", queue)),
                    ],
                    env=variables | dict(environment or {}),
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                ),
                log,
            )
        self.workers[name] = worker
        self._stack.callback(self._end_worker, name)
        wait_for(lambda: "serves the queue" in log.read_text(), name, 60)
        return worker

    def _end_worker(self, name: str) -> None:
        worker = self.workers.pop(name)
        if worker.process.poll() is None:
            worker.end()
        sys.stderr.write(worker.log.read_text())

    def read_logs(self) -> str:
        """Return what the service and all workers have logged."""
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))

    def make_admin_key(self, tenant: str = "default") -> str:
        """Create an admin key in the database, and the tenant if it does not exist."""
        with self.database.transaction() as session:
            ensure_tenant(session, tenant)
        url = str(self.settings.get("database_url", ""))
        settings = Settings(data_dir=self.graft.running.data_dir, database_url=url)
        return create_local_admin_key(settings, name="tests", tenant=tenant)

    def close(self) -> None:
        self._stack.close()


@contextmanager
def running_cluster(
    folder: Path, *, server: bool = False, **settings: str | float | Path
) -> Iterator[Cluster]:
    """Run `graft up` with short leases; with PostgreSQL, and Redis behind a proxy, if `server`."""
    values: dict[str, str | float | Path] = {**COMMON, **LONG, **settings}
    with ExitStack() as stack:
        redis_server = proxy = postgres = None
        if server:
            redis_server = stack.enter_context(RedisServer(folder))
            proxy = stack.enter_context(proxying(("127.0.0.1", redis_server.port)))
            postgres = stack.enter_context(restartable_postgres())
            values |= {
                "database_url": postgres.url,
                "broker_url": f"redis://127.0.0.1:{proxy.port}/0",
            }
        running = stack.enter_context(running_graft(folder, **values))
        graft = Graft(running)
        stack.callback(graft.http.close)
        url = postgres.url if postgres else f"sqlite:///{running.data_dir / 'graft.db'}"
        database = Database(url)
        stack.callback(database.close)
        cluster = Cluster(graft, database, values, folder, redis_server, proxy, postgres)
        stack.callback(cluster.close)
        if values.get("access_control"):
            graft.http.headers["Authorization"] = f"Bearer {cluster.make_admin_key()}"
        yield cluster


def is_running(pid: int) -> bool:
    """Return whether a process exists and has not ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60) -> float:
    """Wait until a condition holds; return the seconds that took."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"{what}: not within {seconds:g} seconds")
        time.sleep(0.02)
    return time.monotonic() - start


def wait_for_end(pid: int, seconds: float = 60) -> float:
    """Wait until a process has ended; return the time at which it had, in seconds since 1970."""
    wait_for(lambda: not is_running(pid), f"the end of process {pid}", seconds)
    return time.time()


def draw_moment(seconds: float) -> None:
    """Sleep for a random time up to this one."""
    time.sleep(random.uniform(0, seconds))


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def read_time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
