"""Takes work away from workers that have disappeared."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from app.db.session import Database
from app.storage import Storage
from app.tasks import service as work
from app.tasks.service import RunningItem
from worker.kinds import Kinds, fail_subject

log = logging.getLogger(__name__)


class Reaper:
    """A thread that ends leases which stand still on its own monotonic clock.

    No two clocks are compared: moving a wall clock expires nothing, and a worker that was itself
    asleep has to watch a whole lease again before it takes anything.
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
        """See which leases have moved since the last look; end those that have not for too long."""
        moment = self.clock()
        overslept = moment - self._last_check > self.lease_seconds / 2
        self._last_check = moment
        with self.database.reading() as session:
            running = work.list_running_items(session)
        known = {} if overslept else self._first_seen
        self._first_seen = {item: known.get(item, moment) for item in running}
        for item, since in self._first_seen.items():
            if moment - since >= self.lease_seconds:
                self._expire(item)

    def _expire(self, seen: RunningItem) -> None:
        reason = f"The worker was not heard of for {self.lease_seconds:g} seconds."
        with self.database.transaction() as session:
            taken = work.expire_lease(session, seen)
            if taken is None:
                return
            item, again = taken
            superseded: list[str] = []
            if not again:
                superseded = fail_subject(
                    self.kinds,
                    session,
                    item.kind,
                    item.subject_id,
                    "LEASE_LOST",
                    f"{reason} That was attempt {work.MAX_STRIKES} in a row without progress.",
                )
            elif not self.kinds[item.kind].requeue(session, item.subject_id, reason):
                work.remove(session, item)
        for key in superseded:
            self.storage.delete(key)
        log.warning("%s: lease taken away", item.subject_id)

    def _run(self) -> None:
        while not self._closed.wait(self.lease_seconds / 10):
            try:
                self.check()
            except DBAPIError as error:
                log.warning("the database does not answer: %s", error.orig)
