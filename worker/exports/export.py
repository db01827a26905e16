"""Making one archive: from a version's files in storage to an archive that was tried."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from app.errors import StorageFull
from app.exports.schemas import Export, ExportParameters
from app.ml.export.bundle import write_bundle, zip_folder
from app.ml.export.original import Original, load_original
from app.predictions.servable import name_version_in_errors
from app.storage import LocalStorage
from worker.exports.config import ExportConfig

NUM_STEPS = 3
"""The version is loaded; its files are written and tried; they are one archive."""

_COPIES = 3
"""How many times a model's weights are written at most: its files, the archive, and some room."""


def export(config: ExportConfig, tell: Callable[[int, int], None]) -> Export:
    """Write, try and store an export.

    The files lie in the storage's own folder until they are one archive: should this process be
    killed, the sweeper finds them there.
    Raises CheckpointInvalid, ExportUnavailable, ExportMismatch, StorageFull.
    """
    storage = LocalStorage(config.storage_dir)
    question = config.question
    original = _load(storage, question)
    _require_space(storage, question)
    tell(1, NUM_STEPS)
    workplace = storage.root / "exports"
    workplace.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workplace, prefix="unfinished-") as name:
        folder = Path(name)
        check = write_bundle(folder, original, question.format)
        tell(2, NUM_STEPS)
        with storage.new_file(config.file_key) as file:
            zip_folder(folder, file)
    with storage.path(config.file_key).open("rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    tell(3, NUM_STEPS)
    return Export(
        format=question.format,
        digest=digest,
        num_bytes=storage.num_bytes(config.file_key),
        check=check,
    )


def _require_space(storage: LocalStorage, question: ExportParameters) -> None:
    """Refuse at once what would fill the disk: its writers each fail in a way of their own."""
    if storage.num_free_bytes() < _COPIES * storage.num_bytes(question.checkpoint_key):
        raise StorageFull("There is no space left for the export where files are kept.")


def _load(storage: LocalStorage, question: ExportParameters) -> Original:
    with name_version_in_errors(f"{question.name}:{question.version}"):
        return load_original(
            storage.path(question.checkpoint_key),
            storage.path(question.trust_key) if question.trust_key else None,
            name=question.name,
            version=question.version,
            digest=question.digest,
        )
