"""Work on analysis requests: the child's configuration, and the record of its result."""

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.datasets.service import require_ready
from app.db.tables import AnalysisRequest, Dataset
from app.models.repository import ModelRepository
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks.service import Lease
from worker.analysis_config import AnalysisConfig
from worker.child import Command
from worker.protocol import AnalysisDone, Message


class AnalysisWork:
    """A kind of work whose subject is an analysis request about a dataset."""

    waits_for_space = True

    def __init__(self, module: str, settings: Settings, storage: LocalStorage) -> None:
        self.module = module
        self.settings = settings
        self.storage = storage

    def begin(self, session: Session, lease: Lease) -> Command | None:
        analysis = analyses.get_request(session, lease.subject_id)
        dataset = session.get_one(Dataset, analysis.subject_id)
        require_ready(dataset)
        configuration = AnalysisConfig.model_validate(
            {
                "question": analysis.parameters,
                "class_names": dataset.class_names,
                "num_images": {
                    split: counts["num_images"] for split, counts in dataset.splits.items()
                },
                "manifest_key": dataset.manifest_key,
                "dataset_digest": dataset.digest,
                "checkpoint_digest": _find_digest(session, analysis),
                "storage_dir": self.storage.root,
                "weights_dir": self.settings.weights_dir and self.settings.weights_dir.absolute(),
                "weights_download": self.settings.weights_download,
                "cache_dir": self.settings.image_cache_dir,
                "image_cache_bytes": self.settings.image_cache_bytes,
                "storage_floor_bytes": self.settings.storage_floor_bytes,
                "device": self.settings.device,
                "num_threads": self.settings.num_threads,
                "file_key": self.place(lease),
            }
        )
        return Command(self.module, configuration.model_dump_json())

    def place(self, lease: Lease) -> str:  # noqa: ARG002 - most results have no file
        """Return the storage key for the file of this attempt's result; empty if it has none."""
        return ""

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        if isinstance(message, AnalysisDone):
            analyses.complete(session, lease.subject_id, message.result)
        return []

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:  # noqa: ARG002 - an analysis has no events
        return True

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        analyses.fail(session, subject_id, code, message)
        return []

    def explain_to_waiting(self, code: str, message: str) -> tuple[str, str]:
        return code, message


def _find_digest(session: Session, analysis: AnalysisRequest) -> str | None:
    """Return the registered digest of the checkpoint that a question names, if it names one."""
    parameters = analysis.parameters
    key = parameters.get("checkpoint_key") or parameters.get("base_model_key")
    return ModelRepository(session).find_checkpoint_digest(key) if key else None
