"""The kinds of work, and the protocol by which each records the steps of an attempt."""

from typing import Protocol

from sqlalchemy.orm import Session

from app.errors import GraftError
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease
from worker.analysis_work import AnalysisWork
from worker.batches.work import BatchWork
from worker.child import Command
from worker.exports.work import ExportWork
from worker.ingestion.work import IngestionWork
from worker.protocol import Message
from worker.quantization.work import QuantizationWork
from worker.training.work import TrainingWork


class Kind(Protocol):
    """One kind of work. Each method runs inside the transaction that changes the lease.

    waits_for_space says whether an attempt that finds the disk full is tried again once there is
    space. Work for which a client waits fails instead, with a reason.
    """

    waits_for_space: bool

    def begin(self, session: Session, lease: Lease) -> Command | None:
        """Return the command to run; None if there is nothing to run.

        Raises GraftError if the subject fails before a child can start.
        """

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        """Record a message of the child; return storage keys that are no longer referenced."""

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:
        """Record that the item is enqueued again; return False if the subject is finished."""

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        """Record that the subject has failed; return storage keys that are no longer referenced."""

    def explain_to_waiting(self, code: str, message: str) -> tuple[str, str]:
        """Return the error code and message for the subjects that wait for this one."""


Kinds = dict[str, Kind]
"""Every kind of work by its name in the work table."""


def make_kinds(settings: Settings, storage: LocalStorage) -> Kinds:
    """Create every kind of work."""
    return {
        "advise": AnalysisWork("worker.advice", settings, storage),
        "dry_run": AnalysisWork("worker.dry_run", settings, storage),
        "evaluate": AnalysisWork("worker.evaluation", settings, storage),
        "export": ExportWork(settings, storage),
        "ingest": IngestionWork(settings, storage),
        "predict": BatchWork(settings, storage),
        "quantize": QuantizationWork(settings, storage),
        "train": TrainingWork(settings, storage),
    }


def begin(kinds: Kinds, session: Session, lease: Lease) -> tuple[Command | None, list[str]]:
    """Return the command for a lease, and storage keys that are no longer referenced.

    The command is None if there is nothing to run or the subject has failed.
    """
    try:
        return kinds[lease.kind].begin(session, lease), []
    except GraftError as error:
        work.finish(session, lease)
        failure = (lease.kind, lease.subject_id, error.code, error.message)
        return None, fail_subject(kinds, session, *failure)


def fail_subject(  # noqa: PLR0913, PLR0917 - the subject and its error
    kinds: Kinds, session: Session, kind: str, subject_id: str, code: str, message: str
) -> list[str]:
    """Fail a subject and all that wait for it; return keys that are no longer referenced."""
    keys = kinds[kind].fail(session, subject_id, code, message)
    code, message = kinds[kind].explain_to_waiting(code, message)
    for item in work.remove_waiting(session, subject_id):
        keys += fail_subject(kinds, session, item.kind, item.subject_id, code, message)
    return keys
