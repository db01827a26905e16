"""Queries for work items."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, true, update
from sqlalchemy.orm import Session, aliased

from app.db.tables import WorkItem

QUEUED, RUNNING, DONE = "queued", "running", "done"


class ItemCount(NamedTuple):
    """A number of items, and the time at which the oldest was enqueued."""

    number: int
    oldest_at: datetime


class WorkRepository:
    """Work items in SQL; every change of a lease is one conditional UPDATE."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def claim(
        self,
        queue: str,
        owner: str,
        saturated: Collection[str] = (),
        postponed: Collection[str] = (),
    ) -> WorkItem | None:
        """Lease the oldest claimable item; no two workers get the same one.

        Items of saturated tenants and those whose ids are postponed are not claimable.
        """
        awaited = aliased(WorkItem)
        oldest = (
            select(WorkItem.id)
            .where(
                WorkItem.queue == queue,
                WorkItem.status == QUEUED,
                WorkItem.tenant.not_in(saturated) if saturated else true(),
                WorkItem.id.not_in(postponed) if postponed else true(),
                ~select(awaited.id)
                .where(awaited.subject_id == WorkItem.waits_for, awaited.status != DONE)
                .exists(),
            )
            .order_by(WorkItem.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        return self.session.scalar(
            update(WorkItem)
            .where(WorkItem.id == oldest)
            .values(
                status=RUNNING,
                owner=owner,
                fence=WorkItem.fence + 1,
                attempt=WorkItem.attempt + 1,
                heartbeat=0,
            )
            .returning(WorkItem)
            .execution_options(populate_existing=True)
        )

    def update_leased(
        self, item_id: str, fence: int, values: dict[str, object], *, heartbeat: int | None = None
    ) -> WorkItem | None:
        """Update an item leased under this fence (and heartbeat); None if the lease is over."""
        is_unchanged = true() if heartbeat is None else WorkItem.heartbeat == heartbeat
        return self.session.scalar(
            update(WorkItem)
            .where(
                WorkItem.id == item_id,
                WorkItem.fence == fence,
                WorkItem.status == RUNNING,
                is_unchanged,
            )
            .values(**values)
            .returning(WorkItem)
            .execution_options(populate_existing=True)
        )

    def lock_unfinished(self, subject_id: str) -> WorkItem | None:
        return self.session.scalar(
            select(WorkItem)
            .where(WorkItem.subject_id == subject_id, WorkItem.status != DONE)
            .with_for_update()
        )

    def list_unfinished_waiting_for(self, subject_id: str) -> Sequence[WorkItem]:
        return self.session.scalars(
            select(WorkItem)
            .where(WorkItem.waits_for == subject_id, WorkItem.status != DONE)
            .order_by(WorkItem.id)
            .with_for_update()
        ).all()

    def list_running(self) -> Sequence[WorkItem]:
        return self.session.scalars(select(WorkItem).where(WorkItem.status == RUNNING)).all()

    def count_unfinished(self) -> dict[tuple[str, str], ItemCount]:
        """Return the number and the oldest of the unfinished items by queue and status."""
        rows = self.session.execute(
            select(WorkItem.queue, WorkItem.status, func.count(), func.min(WorkItem.id))
            .where(WorkItem.status.in_((QUEUED, RUNNING)))
            .group_by(WorkItem.queue, WorkItem.status)
        ).all()
        oldest = select(WorkItem.id, WorkItem.created_at).where(
            WorkItem.id.in_([row[3] for row in rows])
        )
        created = {row.id: row.created_at for row in self.session.execute(oldest)}
        return {(row[0], row[1]): ItemCount(row[2], created[row[3]]) for row in rows}

    def list_queues_with_work(self) -> Sequence[str]:
        return self.session.scalars(
            select(WorkItem.queue).where(WorkItem.status == QUEUED).distinct()
        ).all()
