"""Notify workers after each commit that enqueued work, and again while work is queued."""

import logging
import threading
from collections.abc import Iterable

from app.db.session import Database
from app.tasks.notifications import Notifier
from app.tasks.service import list_queues_with_work

log = logging.getLogger(__name__)


class Dispatcher:
    """A thread that sends notifications to the broker, so that no request waits for the broker."""

    def __init__(self, database: Database, notifier: Notifier, *, every_seconds: float) -> None:
        self.database = database
        self.notifier = notifier
        self.every_seconds = every_seconds
        self.broker_error: str | None = None
        self._pending: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; wait at most 5 seconds for a broker that does not respond."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def notify(self, queues: Iterable[str]) -> None:
        """Notify the workers of these queues soon; return at once."""
        with self._lock:
            self._pending.update(queues)
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            woken = self._wake.wait(self.every_seconds)
            self._wake.clear()
            if not self._closed:
                self._notify_pending(poll=not woken)

    def _notify_pending(self, *, poll: bool) -> None:
        with self._lock:
            pending, self._pending = self._pending, set()
        try:
            if poll:
                with self.database.reading() as session:
                    pending |= set(list_queues_with_work(session))
            for queue in pending:
                self.notifier.notify(queue)
        except Exception as error:  # noqa: BLE001 - every broker and driver has its own errors
            if self.broker_error is None:
                log.warning(
                    "cannot notify the workers, which poll until the broker is back: %s", error
                )
            self.broker_error = type(error).__name__
        else:
            if self.broker_error is not None:
                log.info("the broker is available again")
            self.broker_error = None
