"""The kinds of work, and what each step of an attempt means for the dataset or job it is about."""

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
    """One kind of work. Each method runs inside the transaction that changes the lease."""

    def begin(self, session: Session, lease: Lease) -> Command | None:
        """Return what to run; None if the item turned out to need nothing.

        Raises GraftError where the subject has failed before anything can be run.
        """

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        """Write what the child said; answers storage keys that nothing points to any more."""

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:
        """The attempt is over without a result; False if the subject is, too."""

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        """Record that the subject has failed; returns keys that nothing refers to any more."""

    def explain_to_waiting(self, code: str, message: str) -> tuple[str, str]:
        """Return the code and message of what fails because it waits for this subject."""


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
    """Return what to run for a lease, and keys that nothing refers to any more.

    None if there is nothing to run, or if the subject has failed before that.
    """
    try:
        return kinds[lease.kind].begin(session, lease), []
    except GraftError as error:
        work.finish(session, lease)
        failure = (lease.kind, lease.subject_id, error.code, error.message)
        return None, fail_subject(kinds, session, *failure)


def fail_subject(  # noqa: PLR0913, PLR0917 - each is one thing the caller knows
    kinds: Kinds, session: Session, kind: str, subject_id: str, code: str, message: str
) -> list[str]:
    """Fail a subject and all that waits for it; returns keys that nothing refers to any more."""
    keys = kinds[kind].fail(session, subject_id, code, message)
    code, message = kinds[kind].explain_to_waiting(code, message)
    for item in work.remove_waiting(session, subject_id):
        keys += fail_subject(kinds, session, item.kind, item.subject_id, code, message)
    return keys
