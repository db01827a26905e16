"""Handle ingestion tasks: configure the child process, and record its messages in SQL."""

from sqlalchemy.orm import Session

from app.datasets import service as datasets
from app.db.tables import Dataset
from app.errors import NotFound, StorageFull
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease
from worker.child import Command
from worker.ingestion.config import IngestionConfig
from worker.protocol import Ingested, IngestProgress, Message


class IngestionWork:
    """The kind `ingest`: its subject is a dataset."""

    waits_for_space = True

    def __init__(self, settings: Settings, storage: LocalStorage) -> None:
        self.settings = settings
        self.storage = storage

    def begin(self, session: Session, lease: Lease) -> Command | None:
        dataset = session.get(Dataset, lease.subject_id)
        if dataset is None:
            raise NotFound(f"There is no dataset {lease.subject_id}.")
        datasets.begin_ingestion(session, dataset.id)
        configuration = IngestionConfig(
            dataset_id=dataset.id,
            upload_key=dataset.upload_key,
            key_prefix=lease.file_folder + f"datasets/{dataset.id}/{lease.item_id}-{lease.fence}",
            image_folder=lease.file_folder + "images",
            storage_dir=self.storage.root,
            val_fraction=dataset.val_fraction,
            split_seed=dataset.split_seed,
            max_unpacked_bytes=self.settings.max_unpacked_bytes,
            max_archive_files=self.settings.max_archive_files,
            max_bad_image_fraction=self.settings.max_bad_image_fraction,
            max_image_bytes=self.settings.max_image_bytes,
            max_image_pixels=self.settings.max_image_pixels,
            storage_floor_bytes=self.settings.storage_floor_bytes,
        )
        return Command("worker.ingestion", configuration.model_dump_json())

    def record(self, session: Session, lease: Lease, message: Message) -> list[str]:
        if isinstance(message, IngestProgress):
            datasets.record_progress(
                session, lease.subject_id, message.stage, message.done, message.total
            )
        elif isinstance(message, Ingested):
            datasets.accept_dataset(
                session,
                lease.subject_id,
                manifest_key=message.manifest_key,
                manifest_path=self.storage.path(message.manifest_key),
                digest=message.digest,
                class_names=message.class_names,
                splits=message.splits,
                report=message.report,
            )
            work.notify_waiting(session, lease.subject_id)
            return [session.get_one(Dataset, lease.subject_id).upload_key]
        return []

    def requeue(self, session: Session, subject_id: str, reason: str) -> bool:
        stage = "waiting_for_space" if reason == StorageFull.code else "queued"
        datasets.record_progress(session, subject_id, stage, 0, 0)
        return True

    def fail(self, session: Session, subject_id: str, code: str, message: str) -> list[str]:
        datasets.reject_dataset(session, subject_id, code, message)
        return [session.get_one(Dataset, subject_id).upload_key]

    def explain_to_waiting(self, code: str, message: str) -> tuple[str, str]:  # noqa: ARG002 - only the message is passed on
        return "DATASET_INVALID", f"The dataset was refused: {message}"
