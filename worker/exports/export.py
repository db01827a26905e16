"""Export a version: write its archive, check it, and store it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from app.errors import StorageFull
from app.exports.schemas import Export, ExportParameters
from app.ml.export.bundle import write_bundle, zip_folder
from app.ml.export.source_model import SourceModel, load_source_model
from app.predictions.servable import name_version_in_errors
from app.storage import LocalStorage
from worker.exports.config import ExportConfig

NUM_STEPS = 3
"""The steps of progress: load the version, write and check its files, archive them."""

_COPIES = 3
"""The free space required, in sizes of the checkpoint: the files, the archive, and a reserve."""


def export(config: ExportConfig, on_progress: Callable[[int, int], None]) -> Export:
    """Write, check and store an export.

    The files are in a temporary folder inside the storage until they are archived, so that the
    sweeper finds and deletes them if this process is killed.
    Raises CheckpointInvalid, ExportUnavailable, ExportMismatch, StorageFull.
    """
    storage = LocalStorage(config.storage_dir)
    question = config.question
    source = _load(storage, question)
    _require_space(storage, question)
    on_progress(1, NUM_STEPS)
    exports_dir = storage.root / "exports"
    exports_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=exports_dir, prefix="unfinished-") as name:
        folder = Path(name)
        check = write_bundle(folder, source, question.format)
        on_progress(2, NUM_STEPS)
        with storage.new_file(config.file_key) as file:
            zip_folder(folder, file)
    with storage.path(config.file_key).open("rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    on_progress(3, NUM_STEPS)
    return Export(
        format=question.format,
        digest=digest,
        num_bytes=storage.num_bytes(config.file_key),
        check=check,
    )


def _require_space(storage: LocalStorage, question: ExportParameters) -> None:
    """Check the free space first, because each format's writer fails differently on a full disk."""
    if storage.num_free_bytes() < _COPIES * storage.num_bytes(question.checkpoint_key):
        raise StorageFull(
            "The storage has too little free space for the export. Delete versions, datasets or "
            "exports that are no longer needed."
        )


def _load(storage: LocalStorage, question: ExportParameters) -> SourceModel:
    with name_version_in_errors(f"{question.name}:{question.version}"):
        return load_source_model(
            storage.path(question.checkpoint_key),
            storage.path(question.trust_key) if question.trust_key else None,
            name=question.name,
            version=question.version,
            digest=question.digest,
        )
