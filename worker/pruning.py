"""Delete rows that are kept only for a time: answers, work items, and what the settings name."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Delete, delete, select, tuple_, update
from sqlalchemy.orm import Session

from app.db.session import Database, read_clock
from app.db.tables import IdempotentAnswer, Job, JobEvent, PredictionBatch, WorkItem
from app.jobs.states import TERMINAL
from app.settings import Settings
from app.storage import Storage
from app.tasks.repository import DONE

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 500
"""Rows in one transaction, so that no writer waits long for SQLite's lock."""


def prune(database: Database, storage: Storage, settings: Settings) -> None:
    """Delete what is older than the settings keep it; 0 days keep job events and batch results."""
    with database.reading() as session:
        moment = read_clock(session)
    _repeat(database, _delete_answers, moment, settings.keep_idempotent_answers_days)
    _repeat(database, _delete_work_items, moment, settings.keep_work_items_days)
    if days := settings.keep_job_events_days:
        _repeat(database, _delete_job_events, moment, days)
    if days := settings.keep_batch_results_days:
        _delete_batch_results(database, storage, moment - timedelta(days=days))


def _repeat(
    database: Database, step: Callable[[Session, datetime], int], moment: datetime, days: float
) -> None:
    """Run a step, each time in a new transaction, until it has changed nothing."""
    total = 0
    while True:
        with database.transaction() as session:
            number = step(session, moment - timedelta(days=days))
        total += number
        if number == 0:
            break
    if total:
        log.info("deleted %s rows that are older than %g days", total, days)


def _delete_answers(session: Session, before: datetime) -> int:
    key = (IdempotentAnswer.tenant, IdempotentAnswer.route, IdempotentAnswer.key)
    old = select(*key).where(IdempotentAnswer.created_at < before).limit(ROWS_AT_ONCE)
    return _execute(
        session,
        delete(IdempotentAnswer).where(tuple_(*key).in_(old.with_for_update(skip_locked=True))),
    )


def _delete_work_items(session: Session, before: datetime) -> int:
    old = (
        select(WorkItem.id)
        .where(WorkItem.status == DONE, WorkItem.created_at < before)
        .limit(ROWS_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return _execute(session, delete(WorkItem).where(WorkItem.id.in_(old)))


def _delete_job_events(session: Session, before: datetime) -> int:
    """Delete the events of some finished jobs, except the last and those that studies read."""
    is_old = (JobEvent.event_number < Job.event_number, JobEvent.type != "pruned")
    jobs = session.scalars(
        select(Job.id)
        .where(
            Job.status.in_(TERMINAL),
            Job.finished_at < before,
            select(JobEvent.job_id).where(JobEvent.job_id == Job.id, *is_old).exists(),
        )
        .limit(ROWS_AT_ONCE // 10)
        .with_for_update(skip_locked=True)
    ).all()
    last = select(Job.event_number).where(Job.id == JobEvent.job_id).scalar_subquery()
    old = (JobEvent.event_number < last, JobEvent.type != "pruned")
    return _execute(session, delete(JobEvent).where(JobEvent.job_id.in_(jobs), *old))


def _delete_batch_results(database: Database, storage: Storage, before: datetime) -> None:
    """Forget the results of old batches, then delete their files; the batches stay."""
    with database.transaction() as session:
        old = select(PredictionBatch.id, PredictionBatch.results_key).where(
            PredictionBatch.finished_at < before, PredictionBatch.results_key.is_not(None)
        )
        found = session.execute(old.with_for_update(skip_locked=True)).all()
        ids = [row.id for row in found]
        session.execute(
            update(PredictionBatch).where(PredictionBatch.id.in_(ids)).values(results_key=None)
        )
    for row in found:
        storage.delete(row.results_key)


def _execute(session: Session, statement: Delete) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]  # a CursorResult
