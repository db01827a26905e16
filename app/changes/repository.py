"""Read a snapshot of the service from SQL; no query's cost grows with the finished rows."""

import json

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.changes.snapshot import ActiveJob, Snapshot
from app.db.serving_tables import Serving
from app.db.session import Database
from app.db.study_tables import Study
from app.db.tables import Dataset, Job, PredictionBatch, RegistryEvent
from app.models.references import parse_reference

NUM_NEWEST = 1000
"""Number of newest rows of a table in which a deletion is noticed."""

NUM_EVENTS = 50

Fingerprint = tuple[object, ...]


class SnapshotReader:
    """Reads snapshots of a database; on SQLite only if something was committed since the last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: tuple[int, Snapshot] | None = None

    def read(self) -> Snapshot:
        """Return the current snapshot; raises the database's errors."""
        data_version = self._database.find_data_version()
        if self._last is not None and data_version == self._last[0]:
            return self._last[1]
        with self._database.reading() as session:
            snapshot = read_snapshot(session)
        self._last = None if data_version is None else (data_version, snapshot)
        return snapshot


def read_snapshot(session: Session) -> Snapshot:
    """Read a snapshot in one session."""
    events = session.execute(
        select(RegistryEvent.id, RegistryEvent.name)
        .order_by(RegistryEvent.id.desc())
        .limit(NUM_EVENTS)
    )
    serving = session.execute(
        select(Serving.model, Serving.shadow, Serving.shadow_fraction, Serving.updated_at)
    ).first()
    queued_jobs = select(func.count(Job.status), func.count(Job.study_id))
    num_queued, num_of_studies = session.execute(queued_jobs.where(Job.status == "queued")).one()
    searches = select(func.count(Study.id)).where(Study.search_status == "asking")
    queued_batches = select(func.count(PredictionBatch.status))
    num_batches = session.scalar(queued_batches.where(PredictionBatch.status == "queued"))
    return Snapshot(
        lists={
            "datasets": _fingerprint(session, Dataset.id),
            "jobs": (*_fingerprint(session, Job.id), num_queued),
            "studies": (
                *_fingerprint(session, Study.id),
                num_of_studies,
                session.scalar(searches),
            ),
            "predictions": (*_fingerprint(session, PredictionBatch.id), num_batches),
        },
        jobs=_read_jobs(session),
        datasets={
            dataset_id: json.dumps(progress)
            for dataset_id, progress in session.execute(
                select(Dataset.id, Dataset.progress).where(Dataset.status == "ingesting")
            )
        },
        batches={
            batch_id: json.dumps(progress)
            for batch_id, progress in session.execute(
                select(PredictionBatch.id, PredictionBatch.progress).where(
                    PredictionBatch.status == "running"
                )
            )
        },
        events=frozenset((event_id, name) for event_id, name in events),
        serving=tuple(serving) if serving else None,
        served_model=parse_reference(serving[0]).name if serving else None,
    )


def _fingerprint(session: Session, key: InstrumentedAttribute[str]) -> Fingerprint:
    """Return a value that changes if a row is added, or one of the newest rows is deleted."""
    newest = select(key.label("id")).order_by(key.desc()).limit(NUM_NEWEST).subquery()
    query = select(func.count(newest.c.id), func.min(newest.c.id), func.max(newest.c.id))
    return tuple(session.execute(query).one())


def _read_jobs(session: Session) -> dict[str, ActiveJob]:
    """Return the jobs that workers run; there are no more of them than workers."""
    columns = (Job.status, Job.event_number, Job.progress, Job.dataset_id, Job.study_id)
    rows = session.execute(
        select(Job.id, *columns).where(Job.status.in_(("running", "cancelling")))
    )
    return {
        job_id: ActiveJob(status, event_number, json.dumps(progress), dataset_id, study_id)
        for job_id, status, event_number, progress, dataset_id, study_id in rows
    }
