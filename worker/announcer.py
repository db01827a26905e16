"""Keep the row of a worker process in SQL up to date."""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from app.db.base import new_id
from app.db.session import Database
from app.tasks import workers
from app.tasks.workers import ANNOUNCE_SECONDS, WorkerProcess

if TYPE_CHECKING:
    from datetime import datetime

log = logging.getLogger(__name__)


class Announcer:
    """A thread that renews the row every few seconds; `close` deletes the row."""

    def __init__(
        self,
        database: Database,
        owners: Mapping[str, str],
        device: str | None,
        *,
        every_seconds: float = ANNOUNCE_SECONDS,
    ) -> None:
        """Owners are those of the leases of each queue that this process serves."""
        self.database = database
        self.worker = WorkerProcess(
            new_id("worker"), socket.gethostname()[:255], os.getpid(), owners, device
        )
        self.every_seconds = every_seconds
        self._started_at: datetime | None = None
        self._is_failing = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=5)
        try:
            with self.database.transaction() as session:
                workers.forget(session, self.worker.id)
        except SQLAlchemyError as error:
            log.warning("the row of this worker cannot be deleted: %s", error)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._announce()
            self._closed.wait(self.every_seconds)

    def _announce(self) -> None:
        try:
            with self.database.transaction() as session:
                started_at = workers.announce(session, self.worker, started_at=self._started_at)
        except SQLAlchemyError as error:
            if not self._is_failing:
                log.warning("this worker cannot announce itself in the database: %s", error)
            self._is_failing = True
        else:
            self._started_at, self._is_failing = started_at, False
