"""Handle batch predictions: configure the child process, and record its messages in SQL."""

from sqlalchemy.orm import Session

from app.batches import lifecycle
from app.batches.service import require_split
from app.datasets.service import require_ready
from app.db.tables import Dataset, ModelVersion, PredictionBatch
from app.errors import DatasetInvalid, StorageFull
from app.models.repository import ModelRepository
from app.predictions.schemas import PredictOptions
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease
from worker.batches.config import ArchiveSource, BatchConfig, DatasetSource
from worker.child import Command
from worker.protocol import BatchProgress, Message, PartPredicted, Predicted


class BatchWork:
    """The kind `predict`: its subject is a batch prediction."""

    waits_for_space = True

    def __init__(self, settings: Settings, storage: LocalStorage) -> None:
        self.settings = settings
        self.storage = storage

    def begin(self, session: Session, lease: Lease) -> Command | None:
        batch = lifecycle.begin_attempt(session, lease.subject_id)
        if batch is None:
            work.finish(session, lease)
            return None
        models = ModelRepository(session)
        configuration = BatchConfig(
            source=self._find_source(session, batch),
            checkpoint_key=batch.checkpoint_key,
            digest=_find_digest(session, batch),
            checkpoint_digest=models.find_checkpoint_digest(batch.checkpoint_key),
            trust_key=batch.trust_key,
            quantized_key=batch.quantized_key,
            options=PredictOptions.model_validate(batch.options),
            part_keys=batch.part_keys,
            results_key=lease.file_folder
            + f"predictions/{batch.id}/{lease.item_id}-{lease.fence}.jsonl",
            storage_dir=self.storage.root,
            device=self.settings.device,
            engine=self.settings.predict_engine,
            precision=self.settings.predict_precision,
            num_threads=self.settings.num_threads,
            max_image_bytes=self.settings.max_image_bytes,
            max_image_pixels=self.settings.max_image_pixels,
        )
        return Command("worker.batches", configuration.model_dump_json())

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        if isinstance(message, BatchProgress):
            lifecycle.record_progress(
                session, lease.subject_id, message.stage, message.done, message.total
            )
        elif isinstance(message, PartPredicted):
            work.mark_progress(session, lease)
            return lifecycle.record_part(
                session,
                lease.subject_id,
                message.part_key,
                num_bytes=self.storage.num_bytes(message.part_key),
            )
        elif isinstance(message, Predicted):
            return lifecycle.complete_batch(
                session,
                lease.subject_id,
                results_key=message.results_key,
                num_bytes=self.storage.num_bytes(message.results_key),
                counts=message.counts,
            )
        return []

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:
        stage = "waiting_for_space" if reason == StorageFull.code else "queued"
        return lifecycle.requeue_batch(session, subject_id, stage=stage)

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        return lifecycle.fail_batch(session, subject_id, code, message)

    def explain_to_waiting(self, code: str, message: str) -> tuple[str, str]:
        return code, message

    def _find_source(
        self, session: Session, batch: PredictionBatch
    ) -> DatasetSource | ArchiveSource:
        if batch.upload_key is not None:
            return ArchiveSource(
                upload_key=batch.upload_key,
                max_unpacked_bytes=self.settings.max_unpacked_bytes,
                max_archive_files=self.settings.max_archive_files,
            )
        dataset = session.get(Dataset, batch.dataset_id)
        if dataset is None:
            raise DatasetInvalid("The dataset was deleted.")
        require_ready(dataset)
        require_split(dataset.splits, batch.split)
        return DatasetSource.model_validate(
            {"manifest_key": dataset.manifest_key, "split": batch.split}
        )


def _find_digest(session: Session, batch: PredictionBatch) -> str | None:
    """Return the registered digest of the version's weights; None where it was deleted."""
    version = session.get(ModelVersion, (batch.tenant, batch.model_name, batch.model_version))
    return version.digest if version is not None else None
