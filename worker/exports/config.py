"""What a process that exports a version is told."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.exports.schemas import ExportParameters


class ExportConfig(BaseModel):
    """The configuration a supervisor sends to `python -m worker.exports`.

    file_key is where the archive is to be stored.
    """

    model_config = ConfigDict(frozen=True)

    question: ExportParameters
    storage_dir: Path
    file_key: str
