"""The leased queue, on both kinds of database."""

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


def claim_surely(database: Database) -> Lease:
    lease = claim(database)
    assert lease is not None
    return lease


def take_away_all(database: Database) -> list[bool]:
    """What a reaper does once everything has stood still; tells what is queued again."""
    with database.transaction() as session:
        taken = [work.expire_lease(session, item) for item in work.list_running_items(session)]
    return [again for _, again in filter(None, taken)]


def test_the_oldest_item_is_claimed_first_and_once(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    enqueue(either_database, "job_2")
    claims = [claim(either_database) for _ in range(3)]
    assert [lease and lease.subject_id for lease in claims] == ["job_1", "job_2", None]


def test_another_queue_is_left_alone(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    with either_database.transaction() as session:
        assert work.claim(session, "cpu", "me") is None


def test_workers_that_claim_at_once_get_different_items(either_database: Database) -> None:
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


def test_an_item_waits_for_another_subject_to_be_done(either_database: Database) -> None:
    enqueue(either_database, "ds_1")
    enqueue(either_database, "job_1", waits_for="ds_1")
    ingestion = claim_surely(either_database)
    assert ingestion.subject_id == "ds_1"
    assert claim(either_database) is None
    with either_database.transaction() as session:
        work.finish(session, ingestion)
    assert claim_surely(either_database).subject_id == "job_1"


def test_a_lease_that_was_taken_away_writes_nothing_more(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    stale = claim_surely(either_database)
    assert take_away_all(either_database) == [True]
    fresh = claim_surely(either_database)
    assert (fresh.subject_id, fresh.attempt) == ("job_1", 2)
    assert fresh.fence > stale.fence
    for write in (work.beat, work.require_lease, work.finish, work.requeue, work.record_crash):
        with pytest.raises(StaleLeaseError), either_database.transaction() as session:
            write(session, stale)
    with either_database.transaction() as session:
        work.require_lease(session, fresh)


def test_a_lease_that_has_moved_is_not_taken_away(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    lease = claim_surely(either_database)
    with either_database.reading() as session:
        seen = work.list_running_items(session)
    with either_database.transaction() as session:
        work.beat(session, lease)
    with either_database.transaction() as session:
        assert [work.expire_lease(session, item) for item in seen] == [None]
        work.require_lease(session, lease)


def test_the_third_strike_in_a_row_ends_the_item(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    outcomes = []
    for _ in range(3):
        claim_surely(either_database)
        outcomes += take_away_all(either_database)
    assert outcomes == [True, True, False]
    assert claim(either_database) is None
    with either_database.transaction() as session:
        assert work.lock_unfinished(session, "job_1") is None


def test_progress_forgives_earlier_strikes(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    for _ in range(5):
        lease = claim_surely(either_database)
        with either_database.transaction() as session:
            work.mark_progress(session, lease)
        assert take_away_all(either_database) == [True]


def test_draining_spends_no_attempt(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    lease = claim_surely(either_database)
    with either_database.transaction() as session:
        work.requeue(session, lease)
    again = claim_surely(either_database)
    assert (again.attempt, again.fence > lease.fence) == (1, True)


def test_the_owner_hears_what_users_ask(either_database: Database) -> None:
    enqueue(either_database, "job_1")
    lease = claim_surely(either_database)
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


def test_a_commit_rings_the_queues_it_put_work_on(either_database: Database) -> None:
    rung: list[frozenset[str]] = []
    either_database.on_commit = rung.append
    enqueue(either_database, "job_1")
    with contextlib.suppress(RuntimeError), either_database.transaction() as session:
        work.enqueue(session, queue="cpu", kind="ingest", subject_id="ds_1")
        raise RuntimeError("no commit, no ring")
    assert rung == [frozenset({"train"})]
