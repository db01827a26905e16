"""The work queue in SQL, with leases for its items.

A lease is (item, fence). Its owner increments `heartbeat` regularly. A reaper ends a lease whose
(fence, heartbeat) has not changed for the lease's duration by its own clock. That increments the
fence, so that later writes under the old fence are rejected (Kleppmann, "How to do distributed
locking", 2016).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from app.db.base import new_id, now
from app.db.session import notify_after_commit
from app.db.tables import WorkItem
from app.db.tenancy import file_folder
from app.settings import Settings
from app.tasks.repository import DONE, QUEUED, WorkRepository
from app.telemetry.tracing import find_trace_parent
from app.tenants.service import list_saturated_tenants

Queue = Literal["cpu", "predict", "train"]

MAX_STRIKES = 3
"""Crashed or lost attempts in a row before an item is finished as failed."""


class StaleLeaseError(Exception):
    """The lease has ended; writes under it are rejected."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one item and to record its results.

    trace_parent is the span of the request that enqueued it. The subject belongs to the tenant.
    """

    item_id: str
    fence: int
    kind: str
    subject_id: str
    attempt: int
    trace_parent: str | None
    tenant: str

    @property
    def file_folder(self) -> str:
        """What the storage keys of new files start with."""
        return file_folder(self.tenant)


@dataclass(frozen=True)
class UserRequests:
    """Requests of users for a running item since it was claimed."""

    cancel: bool
    stop: bool


@dataclass(frozen=True)
class RunningItem:
    """The state of a lease that a reaper watches; it changes as long as the owner is alive."""

    item_id: str
    fence: int
    heartbeat: int


def enqueue(
    session: Session, *, queue: Queue, kind: str, subject_id: str, waits_for: str | None = None
) -> None:
    """Add an item to a queue; its workers are notified after the commit."""
    session.add(
        WorkItem(
            id=new_id("work"),
            queue=queue,
            kind=kind,
            subject_id=subject_id,
            waits_for=waits_for,
            status=QUEUED,
            attempt=0,
            strikes=0,
            fence=0,
            heartbeat=0,
            trace_parent=find_trace_parent(),
        )
    )
    notify_after_commit(session, queue)


def claim(
    session: Session,
    queue: str,
    owner: str,
    *,
    settings: Settings | None = None,
    postponed: Collection[str] = (),
) -> Lease | None:
    """Lease the oldest claimable item of a queue, except those whose ids are postponed.

    With settings, the items of tenants that run as many jobs as they may are left in the queue.
    """
    saturated = list_saturated_tenants(session, settings, queue) if settings else []
    item = WorkRepository(session).claim(queue, owner, saturated, postponed)
    if item is None:
        return None
    return Lease(
        item_id=item.id,
        fence=item.fence,
        kind=item.kind,
        subject_id=item.subject_id,
        attempt=item.attempt,
        trace_parent=item.trace_parent,
        tenant=item.tenant,
    )


def beat(session: Session, lease: Lease) -> UserRequests:
    """Record a heartbeat and return the users' requests; raises StaleLeaseError."""
    item = _change(session, lease, heartbeat=WorkItem.heartbeat + 1)
    return UserRequests(
        cancel=item.cancel_requested_at is not None, stop=item.stop_requested_at is not None
    )


def require_lease(session: Session, lease: Lease) -> WorkItem:
    """Lock the lease until this transaction ends; raises StaleLeaseError."""
    return _change(session, lease, fence=lease.fence)


def mark_progress(session: Session, lease: Lease) -> None:
    """Reset the count of crashes, because this attempt has made progress."""
    _change(session, lease, strikes=0)


def finish(session: Session, lease: Lease) -> None:
    """Mark the item as done."""
    _change(session, lease, status=DONE, owner=None)


def requeue(session: Session, lease: Lease) -> WorkItem:
    """Enqueue the item again without counting this attempt (for a worker that shuts down)."""
    item = _change(
        session,
        lease,
        status=QUEUED,
        owner=None,
        fence=WorkItem.fence + 1,
        attempt=WorkItem.attempt - 1,
    )
    notify_after_commit(session, item.queue)
    return item


def record_crash(session: Session, lease: Lease) -> tuple[WorkItem, bool]:
    """Count a crash; enqueue the item again (True), or finish it after MAX_STRIKES crashes."""
    item = _change(session, lease, strikes=WorkItem.strikes + 1)
    return item, _requeue_or_finish(session, item)


def list_running_items(session: Session) -> list[RunningItem]:
    """List all leases."""
    return [
        RunningItem(item.id, item.fence, item.heartbeat)
        for item in WorkRepository(session).list_running()
    ]


def expire_lease(session: Session, running: RunningItem) -> tuple[WorkItem, bool] | None:
    """End a lease that has not changed since it was read; None if it has.

    The flag is True if the item is enqueued again, False after MAX_STRIKES crashes.
    """
    item = WorkRepository(session).update_leased(
        running.item_id,
        running.fence,
        {"strikes": WorkItem.strikes + 1},
        heartbeat=running.heartbeat,
    )
    return (item, _requeue_or_finish(session, item)) if item else None


def _requeue_or_finish(session: Session, item: WorkItem) -> bool:
    again = item.strikes < MAX_STRIKES
    item.status = QUEUED if again else DONE
    item.owner = None
    item.fence += 1
    if again:
        notify_after_commit(session, item.queue)
    session.flush()
    return again


def lock_unfinished(session: Session, subject_id: str) -> WorkItem | None:
    """Return the unfinished item of a subject, locked; None if there is none.

    Lock the item before changing its job: the workers use this order, which prevents deadlocks.
    """
    return WorkRepository(session).lock_unfinished(subject_id)


def request_cancel(session: Session, item: WorkItem) -> bool:
    """Request cancellation; True if the item was still queued and is removed at once."""
    return _request(session, item, "cancel_requested_at")


def request_stop(session: Session, item: WorkItem) -> bool:
    """Request an early stop; True if the item was still queued and is removed at once."""
    return _request(session, item, "stop_requested_at")


def remove(session: Session, item: WorkItem) -> None:
    """Remove a queued item from its queue."""
    item.status = DONE
    item.fence += 1
    session.flush()


def remove_waiting(session: Session, subject_id: str) -> list[WorkItem]:
    """Remove and return the items that wait for a subject that has failed."""
    waiting = WorkRepository(session).list_unfinished_waiting_for(subject_id)
    for item in waiting:
        remove(session, item)
    return list(waiting)


def find_dependency(session: Session, lease: Lease) -> str | None:
    """Return the subject that this item has waited for; None if there is none."""
    return require_lease(session, lease).waits_for


def notify_waiting(session: Session, subject_id: str) -> None:
    """Notify the workers whose items waited for a subject that is ready now."""
    for item in WorkRepository(session).list_unfinished_waiting_for(subject_id):
        notify_after_commit(session, item.queue)


def list_queues_with_work(session: Session) -> list[str]:
    """List the queues that have queued items."""
    return list(WorkRepository(session).list_queues_with_work())


def _request(session: Session, item: WorkItem, column: str) -> bool:
    if item.status == QUEUED:
        remove(session, item)
        return True
    setattr(item, column, now())
    session.flush()
    return False


def _change(session: Session, lease: Lease, **values: object) -> WorkItem:
    item = WorkRepository(session).update_leased(lease.item_id, lease.fence, values)
    if item is None:
        raise StaleLeaseError(
            f"{lease.subject_id} is no longer leased by this worker (fence {lease.fence})"
        )
    return item
