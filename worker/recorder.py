"""Fenced writes: what a supervisor records counts only while the lease is its own."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app.db.session import Database
from app.settings import Settings
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
    """The database has not answered for so long that the lease may be another's by now."""


class Recorder:
    """Writes what one attempt brings about, each step in one transaction.

    has_ended tells that the child has said its result or its reason; outcome is how the attempt
    ended in a word, `lost` as long as nothing about that has been written.
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
        self.has_ended = False
        self.outcome: Outcome = "lost"
        self._next_progress = 0.0
        self._last_success = time.monotonic()

    def beat(self) -> UserRequests:
        """Show that this worker lives; answers what users have asked for."""
        return self._write(lambda session: work.beat(session, self.lease))

    def record(self, message: Message) -> None:
        """Write what the child said; a result or a reason ends the attempt."""
        if isinstance(message, TrainProgress | IngestProgress | AnalysisProgress | BatchProgress):
            if time.monotonic() < self._next_progress:
                return
            self._next_progress = time.monotonic() + PROGRESS_EVERY_SECONDS
        if isinstance(message, Failed):
            self.fail(message.code, message.message)
            return
        is_last = isinstance(message, Trained | Ingested | AnalysisDone | Predicted)

        def write(session: Session) -> list[str]:
            work.require_lease(session, self.lease)
            superseded = self.kind.record(session, self.lease, message)
            if is_last:
                work.finish(session, self.lease)
            return superseded

        self._write_and_tidy(write)
        if is_last:
            self.has_ended = True
            self.outcome = "finished"

    def end(self, exited: Exited) -> None:
        """The child is gone: without a result that is a crash."""
        reason = f"The process ended with {_describe(exited.code)}."

        def write(session: Session) -> list[str]:
            item, again = work.record_crash(session, self.lease)
            if not again:
                return self._fail(
                    session,
                    "CHILD_CRASHED",
                    f"{reason} That was attempt {work.MAX_STRIKES} in a row without progress.",
                )
            if not self.kind.requeue(session, self.lease.subject_id, reason):
                work.remove(session, item)
            return []

        self._write_and_tidy(write)
        self.outcome = "crashed"

    def fail(self, code: str, message: str) -> None:
        """The attempt ends for a reason of its own, which trying again would not change."""

        def write(session: Session) -> list[str]:
            work.finish(session, self.lease)
            return self._fail(session, code, message)

        self._write_and_tidy(write)
        self.has_ended = True
        self.outcome = "failed"

    def cancel(self) -> None:
        """The child of a cancelled job is gone."""
        self.requeue("cancelled")
        self.outcome = "cancelled"

    def requeue(self, reason: str) -> None:
        """Queue the item again at no cost, unless it was being cancelled: then it is over."""

        def write(session: Session) -> None:
            item = work.requeue(session, self.lease)
            if not self.kind.requeue(session, self.lease.subject_id, reason):
                work.remove(session, item)

        self._write(write)
        self.outcome = "requeued"

    def _fail(self, session: Session, code: str, message: str) -> list[str]:
        failure = (self.lease.kind, self.lease.subject_id, code, message)
        return fail_subject(self.kinds, session, *failure)

    def _write_and_tidy(self, step: Callable[[Session], list[str]]) -> None:
        """Run a step, and once it is committed delete the files it says nothing points to."""
        for key in self._write(step):
            self.storage.delete(key)

    def _write(self, step: Callable[[Session], T]) -> T:
        """Run a step in a transaction, again and again while the database does not answer.

        Raises StaleLeaseError once the lease is another's, DatabaseGoneError when it may be.
        """
        while True:
            try:
                with self.database.transaction() as session:
                    result = step(session)
            except (OperationalError, InterfaceError) as error:
                silence = time.monotonic() - self._last_success
                if silence > self.settings.silence_seconds:
                    raise DatabaseGoneError(f"no database for {silence:.0f} s") from error
                time.sleep(min(RETRY_EVERY_SECONDS, self.settings.heartbeat_seconds))
            else:
                self._last_success = time.monotonic()
                return result


def _describe(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
