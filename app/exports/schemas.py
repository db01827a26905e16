"""Parameters and result of an export."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.ml.export.formats import Check, ExportFormat


class ExportParameters(BaseModel):
    """The version to export, and the format.

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
    """The finished archive: its sha256 in hex, its size, and the comparison with the model."""

    model_config = ConfigDict(frozen=True)

    format: ExportFormat
    digest: str
    num_bytes: int
    check: Check
