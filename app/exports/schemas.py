"""Taking a version away: the question a worker is asked, and its answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.ml.export.formats import Check, ExportFormat


class ExportQuestion(BaseModel):
    """A registered version, and the form in which it is wanted.

    digest is that of the checkpoint; trust_key is None for a version without calibration.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["export"] = "export"
    format: ExportFormat
    name: str
    version: int
    digest: str
    checkpoint_key: str
    trust_key: str | None


class Export(BaseModel):
    """The finished archive: its sha256 in hex, its size, and how near it stays to the original."""

    model_config = ConfigDict(frozen=True)

    format: ExportFormat
    digest: str
    num_bytes: int
    check: Check
