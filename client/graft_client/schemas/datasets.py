"""Datasets, their images and the report of their ingestion."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from graft_client.schemas.base import ErrorReason, Schema
from graft_client.schemas.reports import LabelError

Split = Literal["train", "val", "test"]
Finding = Literal["duplicate", "leaked", "near_leaked", "suspect_label"]
PairKind = Literal["duplicates", "leaked", "near_leaked"]


class SplitCounts(Schema):
    """The number of images in a split."""

    num_images: int
    per_class: dict[str, int]


class IngestionProgress(Schema):
    """The progress of the ingestion: `done` of `total` in this stage."""

    stage: str
    done: int
    total: int


class SkippedFile(Schema):
    """A file of the archive that is not in the dataset."""

    path: str
    reason: str


class ReportCounts(Schema):
    """Counts of the findings; the lists of the report may be shorter."""

    images: int
    ignored: int
    system_files: int
    rejected: int
    duplicates: int
    leaked: int
    near_leaked: int
    suspect_labels: int


class DatasetReport(Schema):
    """The findings of the ingestion; pairs are paths of two images."""

    warnings: list[str]
    ignored: list[SkippedFile]
    rejected: list[SkippedFile]
    duplicates: list[tuple[str, str]]
    leaked: list[tuple[str, str]]
    near_leaked: list[tuple[str, str]]
    suspect_labels: list[LabelError]
    suspect_labels_job_id: str | None
    counts: ReportCounts


class DatasetFields(Schema):
    """The fields of a dataset."""

    id: str
    name: str
    status: Literal["ingesting", "ready", "invalid"]
    error: ErrorReason | None
    class_names: list[str]
    splits: dict[str, SplitCounts]
    progress: IngestionProgress
    report: DatasetReport
    digest: str | None
    num_bytes: int
    val_fraction: float
    split_seed: int
    metadata: dict[str, str]
    created_at: datetime

    @property
    def num_images(self) -> int:
        """The number of images in all splits."""
        return sum(split.num_images for split in self.splits.values())

    def __repr__(self) -> str:
        images = f", {self.num_images} images of {len(self.class_names)} classes"
        return f"<{type(self).__name__} {self.id} '{self.name}' {self.status}{images}>"

    __str__ = __repr__


class DatasetImageFields(Schema):
    """The fields of an image in a dataset."""

    id: int
    split: Split
    class_name: str
    path: str
    sha256: str
    num_bytes: int
    width: int
    height: int
    findings: list[str] = Field(default_factory=list)
