"""The kinds of work, and what each step of an attempt means for the dataset or job it is about."""

from typing import Protocol

from sqlalchemy.orm import Session

from app.settings import Settings
from app.storage import LocalStorage
from app.tasks.service import Lease
from worker.analysis_work import InquiryWork
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
        """What to run; None if the item turned out to need nothing."""

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        """Write what the child said; answers storage keys that nothing points to any more."""

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:
        """The attempt is over without a result; False if the subject is, too."""

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        """The subject has failed for good; answers keys that nothing points to any more."""


def make_kinds(settings: Settings, storage: LocalStorage) -> dict[str, Kind]:
    """Every kind of work by its name in the work table."""
    return {
        "advise": InquiryWork(settings, storage),
        "dry_run": InquiryWork(settings, storage),
        "evaluate": InquiryWork(settings, storage),
        "export": ExportWork(settings, storage),
        "quantize": QuantizationWork(settings, storage),
        "predict": BatchWork(settings, storage),
        "ingest": IngestionWork(settings, storage),
        "train": TrainingWork(settings, storage),
    }
