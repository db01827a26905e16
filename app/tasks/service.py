"""The leased queue in SQL: who works on what, and whose writes still count.

A lease is (item, fence). Its owner raises `heartbeat`; whoever sees (fence, heartbeat) stand
still for a whole lease on its own clock takes the item away, which raises the fence, so that a
write under the old one is refused (Kleppmann, "How to do distributed locking", 2016).
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from app.db.base import new_id, now
from app.db.session import notify_after_commit
from app.db.tables import WorkItem
from app.tasks.repository import DONE, QUEUED, WorkRepository
from app.telemetry.tracing import find_trace_parent

Queue = Literal["cpu", "predict", "train"]

MAX_STRIKES = 3
"""Attempts in a row that may end without a reason of their own."""


class StaleLeaseError(Exception):
    """The lease was taken away; nothing may be written under it any more."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one item and to record what comes of it.

    trace_parent is the span that asked for it.
    """

    item_id: str
    fence: int
    kind: str
    subject_id: str
    attempt: int
    trace_parent: str | None


@dataclass(frozen=True)
class UserRequests:
    """What users have asked of a running item since it was claimed."""

    cancel: bool
    stop: bool


@dataclass(frozen=True)
class RunningItem:
    """What a reaper watches; it moves as long as the owner is alive."""

    item_id: str
    fence: int
    heartbeat: int


def enqueue(
    session: Session, *, queue: Queue, kind: str, subject_id: str, waits_for: str | None = None
) -> None:
    """Put an item on a queue; its workers are rung after the commit."""
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


def claim(session: Session, queue: str, owner: str) -> Lease | None:
    """Lease the oldest claimable item of a queue."""
    item = WorkRepository(session).claim(queue, owner)
    if item is None:
        return None
    return Lease(item.id, item.fence, item.kind, item.subject_id, item.attempt, item.trace_parent)


def beat(session: Session, lease: Lease) -> UserRequests:
    """Show that the owner is alive; raises StaleLeaseError."""
    item = _change(session, lease, heartbeat=WorkItem.heartbeat + 1)
    return UserRequests(
        cancel=item.cancel_requested_at is not None, stop=item.stop_requested_at is not None
    )


def hold(session: Session, lease: Lease) -> WorkItem:
    """Make sure that the lease counts until this transaction ends; raises StaleLeaseError."""
    return _change(session, lease, fence=lease.fence)


def mark_progress(session: Session, lease: Lease) -> None:
    """Forget earlier strikes: this attempt has brought the work forward."""
    _change(session, lease, strikes=0)


def finish(session: Session, lease: Lease) -> None:
    """The item is done, however it ended."""
    _change(session, lease, status=DONE, owner=None)


def requeue(session: Session, lease: Lease) -> WorkItem:
    """Queue the item again as if this attempt had not been (a draining worker)."""
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


def strike(session: Session, lease: Lease) -> tuple[WorkItem, bool]:
    """This attempt crashed: queue the item again (True), or finish it after the third."""
    item = _change(session, lease, strikes=WorkItem.strikes + 1)
    return item, _strike(session, item)


def list_running_items(session: Session) -> list[RunningItem]:
    """All leases, for a reaper to watch."""
    return [
        RunningItem(item.id, item.fence, item.heartbeat)
        for item in WorkRepository(session).list_running()
    ]


def expire_lease(session: Session, seen: RunningItem) -> tuple[WorkItem, bool] | None:
    """End a lease that has not moved since it was seen; None if it has.

    The flag tells whether the item is queued again; False means it has used up its strikes.
    """
    item = WorkRepository(session).change_held(
        seen.item_id,
        seen.fence,
        {"strikes": WorkItem.strikes + 1},
        heartbeat=seen.heartbeat,
    )
    return (item, _strike(session, item)) if item else None


def _strike(session: Session, item: WorkItem) -> bool:
    again = item.strikes < MAX_STRIKES
    item.status = QUEUED if again else DONE
    item.owner = None
    item.fence += 1
    if again:
        notify_after_commit(session, item.queue)
    session.flush()
    return again


def lock_unfinished(session: Session, subject_id: str) -> WorkItem | None:
    """The item that is still to be done for a subject, locked.

    Whoever changes a job and its item locks the item first, as the workers do.
    """
    return WorkRepository(session).lock_unfinished(subject_id)


def request_cancel(session: Session, item: WorkItem) -> bool:
    """Ask for an end. True if nobody had begun, so that it is over at once."""
    return _request(session, item, "cancel_requested_at")


def request_stop(session: Session, item: WorkItem) -> bool:
    """Ask for an early finish. True if nobody had begun, so that it is over at once."""
    return _request(session, item, "stop_requested_at")


def withdraw(session: Session, item: WorkItem) -> None:
    """Take back an item nobody has begun."""
    item.status = DONE
    item.fence += 1
    session.flush()


def withdraw_waiting(session: Session, subject_id: str) -> list[WorkItem]:
    """Take back what waits for a subject that will never be ready; answers what that was."""
    waiting = WorkRepository(session).list_unfinished_waiting_for(subject_id)
    for item in waiting:
        withdraw(session, item)
    return list(waiting)


def find_awaited(session: Session, lease: Lease) -> str | None:
    """The subject whose end this item has waited for."""
    return hold(session, lease).waits_for


def notify_waiting(session: Session, subject_id: str) -> None:
    """A subject is ready: ring those whose work has waited for it."""
    for item in WorkRepository(session).list_unfinished_waiting_for(subject_id):
        notify_after_commit(session, item.queue)


def list_queues_with_work(session: Session) -> list[str]:
    """The queues whose workers should be rung."""
    return list(WorkRepository(session).list_queues_with_work())


def _request(session: Session, item: WorkItem, column: str) -> bool:
    if item.status == QUEUED:
        withdraw(session, item)
        return True
    setattr(item, column, now())
    session.flush()
    return False


def _change(session: Session, lease: Lease, **values: object) -> WorkItem:
    item = WorkRepository(session).change_held(lease.item_id, lease.fence, values)
    if item is None:
        raise StaleLeaseError(f"{lease.subject_id} is no longer ours (fence {lease.fence})")
    return item
