"""Handle export tasks: configure the child process, and record its result in the database."""

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.exports.schemas import ExportParameters
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks.service import Lease
from worker.analysis_work import AnalysisWork
from worker.child import Command
from worker.exports.config import ExportConfig
from worker.protocol import AnalysisDone, Message


class ExportWork(AnalysisWork):
    """The kind `export`: its subject is an analysis request about a version."""

    waits_for_space = False

    def __init__(self, settings: Settings, storage: LocalStorage) -> None:
        super().__init__("worker.exports", settings, storage)

    def begin(self, session: Session, lease: Lease) -> Command | None:
        analysis = analyses.get_request(session, lease.subject_id)
        configuration = ExportConfig(
            question=ExportParameters.model_validate(analysis.parameters),
            storage_dir=self.storage.root,
            file_key=_archive_key(lease),
        )
        return Command(self.module, configuration.model_dump_json())

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        if isinstance(message, AnalysisDone):
            analyses.complete(
                session, lease.subject_id, message.result, file_key=_archive_key(lease)
            )
        return []


def _archive_key(lease: Lease) -> str:
    """Return the storage key of this attempt's archive."""
    return lease.file_folder + f"exports/{lease.subject_id}/{lease.item_id}-{lease.fence}.zip"
