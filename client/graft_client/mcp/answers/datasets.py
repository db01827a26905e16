"""Answers about datasets."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from graft_client.mcp.answers.base import MAX_NAMES, Answer
from graft_client.schemas.base import ErrorReason, Proportion
from graft_client.schemas.datasets import DatasetFields, ReportCounts, SkippedFile
from graft_client.schemas.plans import Advice
from graft_client.schemas.reports import LabelError

_MAX_EXAMPLES = 10


class DatasetLine(Answer):
    """A dataset in a list."""

    dataset_id: str
    name: str
    status: Literal["ingesting", "ready", "invalid"]
    num_images: int
    num_classes: int
    created_at: datetime

    @classmethod
    def of(cls, dataset: DatasetFields) -> Self:
        return cls(
            dataset_id=dataset.id,
            name=dataset.name,
            status=dataset.status,
            num_images=dataset.num_images,
            num_classes=len(dataset.class_names),
            created_at=dataset.created_at,
        )


class DatasetList(Answer):
    """Datasets, newest first."""

    datasets: list[DatasetLine]
    has_more: bool = Field(description="Whether there are more than `limit`.")


class DatasetDetails(Answer):
    """A dataset: what is in it, and what the ingestion has found."""

    dataset_id: str
    name: str
    status: Literal["ingesting", "ready", "invalid"]
    error: ErrorReason | None = Field(description="Why it is invalid, and what to change.")
    progress: str = Field(description="What the ingestion is doing, while it is `ingesting`.")
    num_classes: int
    class_names: list[str] = Field(description=f"At most {MAX_NAMES} of them.")
    images_per_split: dict[str, int]
    smallest_class: str | None = Field(description="The class with the fewest training images.")
    smallest_class_images: int | None = Field(description="Its number of training images.")
    findings: ReportCounts = Field(
        description="`leaked` counts validation images that are also training images, and "
        "`near_leaked` those that look nearly the same; both make a model look better than it is."
    )
    rejected: list[SkippedFile] = Field(description="Examples of rejected files.")
    suspect_labels: list[LabelError] = Field(
        description="Examples of training images that are probably labelled wrongly; known after "
        "the first training."
    )

    @classmethod
    def of(cls, dataset: DatasetFields) -> Self:
        training = dataset.splits.get("train")
        per_class = training.per_class if training is not None else {}
        smallest = min(per_class, key=per_class.__getitem__) if per_class else None
        stage = dataset.progress
        return cls(
            dataset_id=dataset.id,
            name=dataset.name,
            status=dataset.status,
            error=dataset.error,
            progress=f"{stage.stage}: {stage.done} of {stage.total}",
            num_classes=len(dataset.class_names),
            class_names=dataset.class_names[:MAX_NAMES],
            images_per_split={name: one.num_images for name, one in dataset.splits.items()},
            smallest_class=smallest,
            smallest_class_images=None if smallest is None else per_class[smallest],
            findings=dataset.report.counts,
            rejected=dataset.report.rejected[:_MAX_EXAMPLES],
            suspect_labels=dataset.report.suspect_labels[:_MAX_EXAMPLES],
        )


class AdviceAnswer(Answer):
    """Advice on how to train on a dataset, measured on its images."""

    options: dict[str, Any] = Field(description="Give these as the `options` of `train`.")
    reason: str
    expected_accuracy: Proportion = Field(description="0-1, with its 95 % interval.")
    expected_seconds: float = Field(description="Estimated time of the training.")
    device: str
    num_images: int
    similarity: str = Field(description="How similar the images are to those of ImageNet.")

    @classmethod
    def of(cls, advice: Advice) -> Self:
        measured = advice.measurements
        return cls(
            options=advice.fields,
            reason=advice.reason,
            expected_accuracy=advice.expected_accuracy,
            expected_seconds=advice.expected_seconds,
            device=measured.device,
            num_images=measured.num_images,
            similarity=measured.similarity,
        )
