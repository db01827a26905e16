"""Announce running workers in SQL, for people to see; no work depends on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db.session import read_clock
from app.db.worker_table import Worker

ANNOUNCE_SECONDS = 10.0
ALIVE_WITHIN = timedelta(seconds=3 * ANNOUNCE_SECONDS)
"""A worker that has announced itself within this time is alive."""

FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class WorkerProcess:
    """A worker process; owners maps its queues to the owners of the leases that it takes."""

    id: str
    host: str
    pid: int
    owners: Mapping[str, str]
    device: str | None


def announce(
    session: Session, worker: WorkerProcess, *, started_at: datetime | None = None
) -> datetime:
    """Renew a worker's row, and delete the rows of workers that were last seen an hour ago.

    Returns the time at which the worker started: started_at, or now if it is None.
    """
    moment = read_clock(session)
    session.execute(delete(Worker).where(Worker.last_seen_at < moment - FORGOTTEN_AFTER))
    row = session.get(Worker, worker.id)
    if row is None:
        row = Worker(
            id=worker.id,
            host=worker.host,
            pid=worker.pid,
            owners=dict(worker.owners),
            device=worker.device,
            started_at=started_at or moment,
        )
        session.add(row)
    row.last_seen_at = moment
    return row.started_at


def forget(session: Session, worker_id: str) -> None:
    """Delete the row of a worker that stops."""
    session.execute(delete(Worker).where(Worker.id == worker_id))


def list_workers(session: Session, *, moment: datetime) -> Sequence[Worker]:
    """Return the workers that were seen in the last hour, the oldest first."""
    return session.scalars(
        select(Worker)
        .where(Worker.last_seen_at >= moment - FORGOTTEN_AFTER)
        .order_by(Worker.started_at, Worker.id)
    ).all()
