"""Deletion of old rows, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute

from app.db.base import now
from app.db.session import Database
from app.db.tables import IdempotentAnswer, Job, JobEvent, PredictionBatch, WorkItem
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.many_rows import add_jobs
from worker.pruning import ROWS_AT_ONCE, prune

DAY = timedelta(days=1)


def count(database: Database, key: InstrumentedAttribute[str]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count(key))) or 0


def test_old_answers_are_deleted(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    with either_database.transaction() as session:
        for number in range(ROWS_AT_ONCE + 10):
            session.add(
                IdempotentAnswer(
                    route="POST /jobs",
                    key=f"key-{number}",
                    fingerprint="f",
                    status=202,
                    headers={},
                    body={},
                    created_at=now() - (6 * DAY if number < 3 else 8 * DAY),
                )
            )
        answers = insert(IdempotentAnswer).from_select(
            ["tenant", "route", "key", "fingerprint", "status", "headers", "body", "created_at"],
            select(
                literal("other"),
                *(IdempotentAnswer.route, literal("key-9"), literal("f"), literal(202)),
                *(IdempotentAnswer.headers, IdempotentAnswer.body, IdempotentAnswer.created_at),
            ).where(IdempotentAnswer.key == "key-0"),
        )
        session.execute(answers)
    prune(either_database, storage, settings)
    assert count(either_database, IdempotentAnswer.key) == 3 + 1


def test_finished_work_is_deleted_and_unfinished_work_is_not(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    with either_database.transaction() as session:
        for subject in ("job_1", "job_2", "job_3", "job_4"):
            work.enqueue(session, queue="train", kind="train", subject_id=subject)
        for _ in range(2):
            lease = work.claim(session, "train", "me")
            assert lease is not None
            work.finish(session, lease)
        work.claim(session, "train", "me")
        age = update(WorkItem).where(WorkItem.subject_id != "job_2")
        session.execute(age.values(created_at=now() - 2 * DAY))
    prune(either_database, storage, settings)
    with either_database.reading() as session:
        left = session.execute(select(WorkItem.subject_id, WorkItem.status)).all()
    assert set(left) == {("job_2", "done"), ("job_3", "running"), ("job_4", "queued")}


def add_events(database: Database) -> None:
    """Add five jobs that ended 24 days ago or earlier, each with five events."""
    add_jobs(database, 5)
    with database.transaction() as session:
        session.execute(update(Job).values(event_number=5))
        for job_id in session.scalars(select(Job.id)):
            for number, kind in enumerate(("queued", "running", "epoch", "pruned", "done"), 1):
                session.add(JobEvent(job_id=job_id, event_number=number, type=kind, payload={}))


def test_events_are_kept_unless_a_setting_says_otherwise(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    add_events(either_database)
    prune(either_database, storage, settings)
    assert count(either_database, JobEvent.job_id) == 25


def test_old_events_of_finished_jobs_are_deleted_but_the_last(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    add_events(either_database)
    with either_database.transaction() as session:
        recent, running, *_ = session.scalars(select(Job.id).order_by(Job.id)).all()
        session.get_one(Job, recent).finished_at = now()
        job = session.get_one(Job, running)
        job.status, job.finished_at = "running", None
    prune(either_database, storage, settings.model_copy(update={"keep_job_events_days": 2}))
    with either_database.reading() as session:
        rows = session.execute(select(JobEvent.job_id, JobEvent.type)).all()
    kept = [kind for job_id, kind in rows if job_id not in {recent, running}]
    assert sorted(kept) == ["done"] * 3 + ["pruned"] * 3
    assert len(rows) == 6 + 10


@pytest.mark.parametrize(("days", "is_kept"), [(0, True), (30, True), (2, False)])
def test_results_of_batches(
    either_database: Database,
    storage: LocalStorage,
    settings: Settings,
    days: int,
    is_kept: bool,
) -> None:
    key = "predictions/1.jsonl"
    with storage.new_file(key) as file:
        file.write(b"{}")
    with either_database.transaction() as session:
        session.add(
            PredictionBatch(
                id="pred_1",
                status="succeeded",
                model_name="ants",
                model_version=1,
                checkpoint_key="jobs/x",
                options={},
                progress={},
                counts={},
                results_key=key,
                labels={},
                finished_at=now() - 10 * DAY,
            )
        )
    prune(either_database, storage, settings.model_copy(update={"keep_batch_results_days": days}))
    with either_database.reading() as session:
        found = session.get_one(PredictionBatch, "pred_1").results_key
    assert (found is not None, storage.exists(key)) == (is_kept, is_kept)
