"""What a backup says about itself."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Manifest(BaseModel):
    """The contents of `manifest.json`.

    revision is the database's newest migration; missing are the keys of files that rows refer to
    and the storage did not have. sums_sha256 is the digest of `SHA256SUMS`, which has those of all
    other entries.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    created_at: datetime
    version: str
    revision: str
    database: str
    tables: dict[str, int]
    num_files: int
    num_bytes: int
    missing: list[str]
    sums_sha256: str
