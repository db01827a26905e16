"""End the leases of workers that have disappeared."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db.session import Database
from app.db.tables import WorkItem
from app.db.tenancy import acting_for
from app.storage import Storage
from app.tasks import service as work
from app.tasks.service import RunningItem
from worker.kinds import Kinds, fail_subject

log = logging.getLogger(__name__)


class Reaper:
    """A thread that ends leases without a heartbeat, measured by its own monotonic clock.

    Clocks of different machines are never compared, so a changed wall clock expires nothing. After
    the reaper itself has slept, it watches each lease for the full duration again. It does so too
    after the database's disk was full, when no worker could write its heartbeat.
    """

    def __init__(
        self,
        database: Database,
        kinds: Kinds,
        storage: Storage,
        *,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.kinds = kinds
        self.storage = storage
        self.lease_seconds = lease_seconds
        self.clock = clock
        self._first_seen: dict[RunningItem, float] = {}
        self._last_check = clock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=5)

    def check(self) -> None:
        """Read all leases; end those that have not changed for lease_seconds."""
        moment = self.clock()
        overslept = moment - self._last_check > self.lease_seconds / 2
        self._last_check = moment
        with self.database.reading() as session:
            running = work.list_running_items(session)
        known = {} if overslept or self.database.is_nearly_full() else self._first_seen
        self._first_seen = {item: known.get(item, moment) for item in running}
        for item, since in self._first_seen.items():
            if moment - since >= self.lease_seconds:
                self._expire(item)

    def _expire(self, running: RunningItem) -> None:
        reason = f"The worker sent no heartbeat for {self.lease_seconds:g} seconds."
        with self.database.transaction() as session:
            expired = work.expire_lease(session, running)
            if expired is None:
                return
            item, is_requeued = expired
            with acting_for(item.tenant):
                unreferenced = self._record(session, item, is_requeued=is_requeued, reason=reason)
                session.flush()
        for key in unreferenced:
            self.storage.delete(key)
        log.warning("%s: lease expired", item.subject_id)

    def _record(
        self, session: Session, item: WorkItem, *, is_requeued: bool, reason: str
    ) -> list[str]:
        """Record the end of an attempt for its subject; return keys no longer referenced."""
        if not is_requeued:
            return fail_subject(
                self.kinds,
                session,
                item.kind,
                item.subject_id,
                "LEASE_LOST",
                f"{reason} That was attempt {work.MAX_STRIKES} in a row without progress.",
            )
        if not self.kinds[item.kind].requeue(session, item.subject_id, reason):
            work.remove(session, item)
        return []

    def _run(self) -> None:
        while not self._closed.wait(self.lease_seconds / 10):
            try:
                self.check()
            except DBAPIError as error:
                log.warning("the database does not respond: %s", error.orig)
