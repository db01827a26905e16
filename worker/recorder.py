"""Record the progress and the outcome of an attempt in SQL while its lease is valid."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app.db.disk_full import is_disk_full
from app.db.session import Database
from app.db.tenancy import acting_for
from app.errors import StorageFull
from app.settings import Settings
from app.space import Space
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease, UserRequests
from worker.child import Exited
from worker.kinds import Kinds, fail_subject
from worker.protocol import (
    AnalysisDone,
    AnalysisProgress,
    BatchProgress,
    Failed,
    Ingested,
    IngestProgress,
    Message,
    Predicted,
    Trained,
    TrainProgress,
)

PROGRESS_EVERY_SECONDS = 1.0
RETRY_EVERY_SECONDS = 0.5

T = TypeVar("T")
Outcome = Literal["finished", "failed", "crashed", "cancelled", "requeued", "lost"]


class DatabaseGoneError(Exception):
    """The database has not responded for so long that the lease may have expired."""


class DatabaseFullError(Exception):
    """For as long as a child may run without a heartbeat, the database's disk has been full."""


class Recorder:
    """Records one attempt, each step in one transaction.

    has_ended is True once the child's result or error is recorded. outcome is `lost` until the
    outcome of the attempt is recorded. lacks_space is True if it ended for lack of disk space.
    """

    def __init__(
        self,
        database: Database,
        storage: LocalStorage,
        lease: Lease,
        kinds: Kinds,
        settings: Settings,
    ) -> None:
        self.database = database
        self.storage = storage
        self.lease = lease
        self.kinds = kinds
        self.kind = kinds[lease.kind]
        self.settings = settings
        self.space = Space.of(settings)
        self.has_ended = False
        self.lacks_space = False
        self.outcome: Outcome = "lost"
        self._next_progress = 0.0
        self._last_success = time.monotonic()

    def beat(self) -> UserRequests:
        """Record a heartbeat; return the requests of users."""
        return self._write(lambda session: work.beat(session, self.lease))

    def record(self, message: Message) -> None:
        """Record a message of the child; a result or an error ends the attempt."""
        if isinstance(message, TrainProgress | IngestProgress | AnalysisProgress | BatchProgress):
            if time.monotonic() < self._next_progress:
                return
            self._next_progress = time.monotonic() + PROGRESS_EVERY_SECONDS
        if isinstance(message, Failed):
            if message.code == StorageFull.code and self.kind.waits_for_space:
                self.wait_for_space()
            else:
                self.fail(message.code, message.message)
            return
        is_last = isinstance(message, Trained | Ingested | AnalysisDone | Predicted)

        def write(session: Session) -> list[str]:
            work.require_lease(session, self.lease)
            unreferenced = self.kind.record(session, self.lease, message)
            if is_last:
                work.finish(session, self.lease)
            return unreferenced

        self._write_and_delete(write)
        if is_last:
            self.has_ended = True
            self.outcome = "finished"

    def end(self, exited: Exited) -> None:
        """Record that the child has exited without a result: a crash.

        Too little disk space is taken for the cause, because not every library reports it.
        """
        if self.kind.waits_for_space and self.space.find_shortage():
            self.wait_for_space()
            return
        reason = f"The process ended with {_describe(exited.code)}."

        def write(session: Session) -> list[str]:
            item, is_requeued = work.record_crash(session, self.lease)
            if not is_requeued:
                return self._fail(
                    session,
                    "CHILD_CRASHED",
                    f"{reason} That was attempt {work.MAX_STRIKES} in a row without progress.",
                )
            if not self.kind.requeue(session, self.lease.subject_id, reason):
                work.remove(session, item)
            return []

        self._write_and_delete(write)
        self.outcome = "crashed"

    def fail(self, code: str, message: str) -> None:
        """Record an error that a retry would not change; it ends the attempt."""

        def write(session: Session) -> list[str]:
            work.finish(session, self.lease)
            return self._fail(session, code, message)

        self._write_and_delete(write)
        self.has_ended = True
        self.outcome = "failed"

    def cancel(self) -> None:
        """Record that the child of a cancelled job has exited."""
        self.requeue("cancelled")
        self.outcome = "cancelled"

    def wait_for_space(self) -> None:
        """Enqueue the item again without counting the attempt, which failed for lack of space."""
        self.lacks_space = True
        self.requeue(StorageFull.code)
        self.has_ended = True

    def requeue(self, reason: str) -> None:
        """Enqueue the item again without counting the attempt; finish it if it was cancelled."""

        def write(session: Session) -> None:
            item = work.requeue(session, self.lease)
            if not self.kind.requeue(session, self.lease.subject_id, reason):
                work.remove(session, item)

        self._write(write)
        self.outcome = "requeued"

    def _fail(self, session: Session, code: str, message: str) -> list[str]:
        failure = (self.lease.kind, self.lease.subject_id, code, message)
        return fail_subject(self.kinds, session, *failure)

    def _write_and_delete(self, step: Callable[[Session], list[str]]) -> None:
        """Run a step, and after its commit delete the files of the keys that it returns."""
        for key in self._write(step):
            self.storage.delete(key)

    def _write(self, step: Callable[[Session], T]) -> T:
        """Run a step in a transaction; retry while the database does not respond.

        Raises StaleLeaseError if the lease has expired, DatabaseGoneError if it may have, and
        DatabaseFullError if the disk is full for as long.
        """
        while True:
            try:
                with acting_for(self.lease.tenant), self.database.transaction() as session:
                    result = step(session)
            except (OperationalError, InterfaceError) as error:
                silence = time.monotonic() - self._last_success
                if silence > self.settings.silence_seconds and is_disk_full(error):
                    raise DatabaseFullError("the database's disk is full") from error
                if silence > self.settings.silence_seconds:
                    raise DatabaseGoneError(
                        f"the database has not responded for {silence:.0f} s"
                    ) from error
                time.sleep(min(RETRY_EVERY_SECONDS, self.settings.heartbeat_seconds))
            else:
                self._last_success = time.monotonic()
                return result


def _describe(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
