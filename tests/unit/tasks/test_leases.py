"""The work queue and its leases, on both databases."""

import contextlib
import threading

import pytest

from app.db.session import Database
from app.tasks import service as work
from app.tasks.service import Lease, StaleLeaseError


def enqueue(database: Database, subject: str, *, waits_for: str | None = None) -> None:
    with database.transaction() as session:
        work.enqueue(session, queue="train", kind="train", subject_id=subject, waits_for=waits_for)


def claim(database: Database, owner: str = "me") -> Lease | None:
    with database.transaction() as session:
        return work.claim(session, "train", owner)


def require_claim(database: Database) -> Lease:
    lease = claim(database)
    assert lease is not None
    return lease


def expire_all(database: Database) -> list[bool]:
    """Expire all leases as a reaper does; return which items are enqueued again."""
    with database.transaction() as session:
        taken = [work.expire_lease(session, item) for item in work.list_running_items(session)]
    return [again for _, again in filter(None, taken)]


def test_the_oldest_item_is_claimed_first_and_once(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    enqueue(either_database, "job_2")
    claims = [claim(either_database) for _ in range(3)]
    assert [lease and lease.subject_id for lease in claims] == ["job_1", "job_2", None]


def test_items_of_another_queue_are_not_claimed(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    with either_database.transaction() as session:
        assert work.claim(session, "cpu", "me") is None


def test_concurrent_claims_get_different_items(either_database: Database) -> None:
    for number in range(24):
        enqueue(either_database, f"job_{number:02}")
    claimed: list[str] = []

    def work_off() -> None:
        while lease := claim(either_database):
            claimed.append(lease.subject_id)

    threads = [threading.Thread(target=work_off) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [f"job_{number:02}" for number in range(24)]


def test_an_item_waits_until_another_subject_is_done(either_database: Database) -> None:
    enqueue(either_database, "ds_1")
    enqueue(either_database, "job_1", waits_for="ds_1")
    ingestion = require_claim(either_database)
    assert ingestion.subject_id == "ds_1"
    assert claim(either_database) is None
    with either_database.transaction() as session:
        work.finish(session, ingestion)
    assert require_claim(either_database).subject_id == "job_1"


def test_writes_under_an_expired_lease_are_rejected(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    stale = require_claim(either_database)
    assert expire_all(either_database) == [True]
    fresh = require_claim(either_database)
    assert (fresh.subject_id, fresh.attempt) == ("job_1", 2)
    assert fresh.fence > stale.fence
    for write in (work.beat, work.require_lease, work.finish, work.requeue, work.record_crash):
        with pytest.raises(StaleLeaseError), either_database.transaction() as session:
            write(session, stale)
    with either_database.transaction() as session:
        work.require_lease(session, fresh)


def test_a_lease_with_a_new_heartbeat_does_not_expire(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    lease = require_claim(either_database)
    with either_database.reading() as session:
        seen = work.list_running_items(session)
    with either_database.transaction() as session:
        work.beat(session, lease)
    with either_database.transaction() as session:
        assert [work.expire_lease(session, item) for item in seen] == [None]
        work.require_lease(session, lease)


def test_the_third_crash_in_a_row_finishes_the_item(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    outcomes = []
    for _ in range(3):
        require_claim(either_database)
        outcomes += expire_all(either_database)
    assert outcomes == [True, True, False]
    assert claim(either_database) is None
    with either_database.transaction() as session:
        assert work.lock_unfinished(session, "job_1") is None


def test_progress_resets_the_count_of_crashes(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    for _ in range(5):
        lease = require_claim(either_database)
        with either_database.transaction() as session:
            work.mark_progress(session, lease)
        assert expire_all(either_database) == [True]


def test_requeueing_does_not_count_the_attempt(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    lease = require_claim(either_database)
    with either_database.transaction() as session:
        work.requeue(session, lease)
    again = require_claim(either_database)
    assert (again.attempt, again.fence > lease.fence) == (1, True)


def test_the_owner_gets_the_requests_of_users(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    lease = require_claim(either_database)
    with either_database.transaction() as session:
        item = work.lock_unfinished(session, "job_1")
        assert item is not None
        assert not work.request_cancel(session, item)
        wishes = work.beat(session, lease)
    assert (wishes.cancel, wishes.stop) == (True, False)


def test_a_queued_item_is_cancelled_at_once(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    with either_database.transaction() as session:
        item = work.lock_unfinished(session, "job_1")
        assert item is not None
        assert work.request_cancel(session, item)
    assert claim(either_database) is None


def test_a_commit_notifies_the_queues_with_new_work(either_database: Database) -> None:
    rung: list[frozenset[str]] = []
    either_database.on_commit = rung.append
    enqueue(either_database, "job_1")
    with contextlib.suppress(RuntimeError), either_database.transaction() as session:
        work.enqueue(session, queue="cpu", kind="ingest", subject_id="ds_1")
        raise RuntimeError("no commit, no ring")
    assert rung == [frozenset({"train"})]
