"""Rings the workers: after every commit that queued something, and again while it is queued."""

import logging
import threading
from collections.abc import Iterable

from app.db.session import Database
from app.tasks.notifications import Notifier
from app.tasks.service import list_queues_with_work

log = logging.getLogger(__name__)


class Dispatcher:
    """A thread between SQL and the broker, so that no request ever waits for the broker."""

    def __init__(self, database: Database, queue: Notifier, *, every_seconds: float) -> None:
        self.database = database
        self.queue = queue
        self.every_seconds = every_seconds
        self.broker_error: str | None = None
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop; a broker that does not answer cannot hold this up for long."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def notify(self, queues: Iterable[str]) -> None:
        """Have workers rung soon; returns at once."""
        with self._lock:
            self._wanted.update(queues)
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            woken = self._wake.wait(self.every_seconds)
            self._wake.clear()
            if not self._closed:
                self._notify_wanted(look=not woken)

    def _notify_wanted(self, *, look: bool) -> None:
        with self._lock:
            wanted, self._wanted = self._wanted, set()
        try:
            if look:
                with self.database.reading() as session:
                    wanted |= set(list_queues_with_work(session))
            for queue in wanted:
                self.queue.notify(queue)
        except Exception as error:  # noqa: BLE001 - every broker and driver has its own errors
            if self.broker_error is None:
                log.warning("cannot ring the workers, they will look by themselves: %s", error)
            self.broker_error = type(error).__name__
        else:
            if self.broker_error is not None:
                log.info("the broker answers again")
            self.broker_error = None
