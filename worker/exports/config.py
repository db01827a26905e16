"""Define the configuration of a child process that exports a version."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.exports.schemas import ExportParameters


class ExportConfig(BaseModel):
    """The configuration that the supervisor sends to `python -m worker.exports`.

    file_key is the storage key of the archive.
    """

    model_config = ConfigDict(frozen=True)

    question: ExportParameters
    storage_dir: Path
    file_key: str
