"""Many rows for tests of what routes cost, inserted in bulk."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select

from app.db.base import now
from app.db.session import Database
from app.db.tables import Job

AT_ONCE = 1000
ID_LENGTH = 28

STATUSES = ("succeeded", "succeeded", "succeeded", "failed", "cancelled")


def add_jobs(database: Database, number: int) -> None:
    """Add finished jobs: three fifths succeeded, one fifth failed, one fifth cancelled."""
    first = min(number, AT_ONCE)
    columns = [one for one in Job.__table__.columns if one.name != "id"]
    names = ["id", *(one.name for one in columns)]
    with database.transaction() as session:
        session.execute(insert(Job), list(_job_rows(first)))
        for copy in range(1, number // first):
            rows = select(Job.id + f"_{copy}", *columns).where(func.length(Job.id) == ID_LENGTH)
            session.execute(insert(Job).from_select(names, rows))


def _job_rows(number: int) -> Iterator[dict[str, Any]]:
    start = now() - timedelta(days=30)
    for index in range(number):
        moment = start + timedelta(days=30) * (index / number)
        yield {
            "id": f"job_{index:024d}",
            "dataset_id": "ds_0",
            "study_id": f"study_{index // 10}" if index % 2 else None,
            "status": STATUSES[index % len(STATUSES)],
            "config": {"architecture": "resnet18"},
            "progress": {},
            "attempts": 1,
            "resume_epoch": 0,
            "error_code": "DIVERGED",
            "error_message": "The loss was no longer a finite number.",
            "model_name": f"model-{index % 7}",
            "event_number": 0,
            "labels": {},
            "created_at": moment,
            "finished_at": moment,
        }
