"""Expiry of leases."""

from dataclasses import dataclass

import pytest

from app.db.session import Database
from app.db.tables import Job
from app.jobs import service as jobs
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease
from tests.datasets import add_dataset
from worker.kinds import make_kinds
from worker.reaper import Reaper


@dataclass
class Clock:
    """A monotonic clock that a test sets."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reaper(database: Database, settings: Settings, storage: LocalStorage, clock: Clock) -> Reaper:
    kinds = make_kinds(settings, storage)
    return Reaper(database, kinds, storage, lease_seconds=30, clock=clock)


@pytest.fixture
def lease(database: Database, settings: Settings, storage: LocalStorage) -> Lease:
    """Return the lease of a job that a worker has just started."""
    dataset_id = add_dataset(database, digest="0" * 64, manifest_key="datasets/x/manifest.jsonl")
    with database.transaction() as session:
        jobs.create_job(session, JobRequest(dataset_id=dataset_id, weights="none"), settings)
    with database.transaction() as session:
        lease = work.claim(session, "train", "gone")
        assert lease is not None
        make_kinds(settings, storage)["train"].begin(session, lease)
    return lease


def status_of(database: Database, job_id: str) -> str:
    with database.reading() as session:
        return session.get_one(Job, job_id).status


def watch(reaper: Reaper, clock: Clock, seconds: float) -> None:
    """Check every three seconds, as the thread does."""
    for _ in range(int(seconds / 3)):
        clock.seconds += 3
        reaper.check()


def test_a_lease_without_heartbeat_expires(
    database: Database, reaper: Reaper, clock: Clock, lease: Lease
) -> None:
    reaper.check()
    watch(reaper, clock, 27)
    assert status_of(database, lease.subject_id) == "running"
    watch(reaper, clock, 3)
    assert status_of(database, lease.subject_id) == "queued"
    with database.transaction() as session:
        again = work.claim(session, "train", "other")
    assert again is not None
    assert again.attempt == 2


def test_a_lease_with_heartbeats_does_not_expire(
    database: Database, reaper: Reaper, clock: Clock, lease: Lease
) -> None:
    for _ in range(10):
        watch(reaper, clock, 15)
        with database.transaction() as session:
            work.beat(session, lease)
    assert status_of(database, lease.subject_id) == "running"


def test_after_its_own_sleep_a_reaper_waits_for_a_whole_lease(
    database: Database, reaper: Reaper, clock: Clock, lease: Lease
) -> None:
    reaper.check()
    clock.seconds += 3600
    reaper.check()
    assert status_of(database, lease.subject_id) == "running"
    watch(reaper, clock, 30)
    assert status_of(database, lease.subject_id) == "queued"


def test_a_job_in_cancellation_is_cancelled_when_its_lease_expires(
    database: Database, reaper: Reaper, clock: Clock, lease: Lease
) -> None:
    with database.transaction() as session:
        jobs.cancel_job(session, lease.subject_id)
    assert status_of(database, lease.subject_id) == "cancelling"
    reaper.check()
    watch(reaper, clock, 30)
    assert status_of(database, lease.subject_id) == "cancelled"
    with database.transaction() as session:
        assert work.claim(session, "train", "other") is None


def test_the_third_expired_lease_in_a_row_fails_the_job(
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    reaper: Reaper,
    clock: Clock,
    lease: Lease,
) -> None:
    for _ in range(2):
        reaper.check()
        watch(reaper, clock, 30)
        with database.transaction() as session:
            again = work.claim(session, "train", "gone too")
            assert again is not None
            make_kinds(settings, storage)["train"].begin(session, again)
    reaper.check()
    watch(reaper, clock, 30)
    with database.reading() as session:
        job = session.get_one(Job, lease.subject_id)
        assert (job.status, job.error_code) == ("failed", "LEASE_LOST")
