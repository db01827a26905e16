"""Run batch predictions in the test's process, without workers."""

import io
import zipfile
from collections.abc import Mapping

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from worker.batches.config import BatchConfig
from worker.batches.predict import predict_batch
from worker.batches.work import BatchWork
from worker.protocol import BatchProgress, PartPredicted


def make_archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def run_next_batch(
    database: Database, settings: Settings, storage: LocalStorage
) -> list[tuple[str, int, int]]:
    """Run the next queued batch as a worker and its child do; returns the reported progress."""
    kind = BatchWork(settings, storage)
    with database.transaction() as session:
        lease = work.claim(session, "predict", "me")
        assert lease is not None
        assert lease.kind == "predict"
        command = kind.begin(session, lease)
    if command is None:
        return []
    reported: list[tuple[str, int, int]] = []

    def on_progress(stage: str, done: int, total: int) -> None:
        reported.append((stage, done, total))
        with database.transaction() as session:
            kind.record(session, lease, BatchProgress(stage=stage, done=done, total=total))

    def on_part(part_key: str) -> None:
        with database.transaction() as session:
            kind.record(session, lease, PartPredicted(part_key=part_key))

    config = BatchConfig.model_validate_json(command.configuration)
    predicted = predict_batch(config, storage, on_progress, on_part)
    with database.transaction() as session:
        unneeded = kind.record(session, lease, predicted)
        work.finish(session, lease)
    for key in unneeded:
        storage.delete(key)
    return reported
