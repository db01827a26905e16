"""Datasets and their images on the wire."""

from typing import Literal

from pydantic import Field

from app.datasets.label_errors import LabelError
from app.datasets.manifest import Split
from app.db.tables import Dataset
from app.web.schemas import ApiModel, Metadata, Name, UtcTime

DatasetStatus = Literal["ingesting", "ready", "invalid"]


class DatasetError(ApiModel):
    """Why an upload was refused."""

    code: str = Field(description="Stable, for programs.", examples=["ARCHIVE_INVALID"])
    message: str = Field(
        description="What is wrong with it.", examples=["The archive is truncated."]
    )


class SplitCounts(ApiModel):
    """The images of one split."""

    num_images: int = Field(ge=0, description="Accepted images.", examples=[244])
    per_class: dict[str, int] = Field(
        description="Accepted images of each class.", examples=[{"ants": 123, "bees": 121}]
    )


class IngestionProgress(ApiModel):
    """How far the check of an upload is."""

    stage: str = Field(
        description="`queued`, `starting`, `checking` (stores nothing yet), `unpacking`, `done`.",
        examples=["checking"],
    )
    done: int = Field(
        ge=0, description="Bytes of the upload that are behind.", examples=[1_048_576]
    )
    total: int = Field(ge=0, description="Size of the upload in bytes.", examples=[47_457_124])


class SkippedFileView(ApiModel):
    """A file of the archive that is not part of the dataset."""

    path: str = Field(description="In the archive.", examples=["train/ants/imageNotFound.gif"])
    reason: str = Field(description="Why.", examples=["not an image type that is read here (.gif)"])


class ReportCounts(ApiModel):
    """How many of everything there are, listed or not."""

    images: int = Field(ge=0, description="Accepted images.", examples=[397])
    ignored: int = Field(ge=0, description="Files that are no images.", examples=[1])
    system_files: int = Field(
        ge=0, description="Ignored ones that a system left there.", examples=[0]
    )
    rejected: int = Field(ge=0, description="Images that cannot be read.", examples=[0])
    duplicates: int = Field(ge=0, description="Copies within a split.", examples=[0])
    leaked: int = Field(ge=0, description="Validation images in train too.", examples=[0])
    near_leaked: int = Field(
        0, ge=0, description="Images that look like one of another split.", examples=[0]
    )
    suspect_labels: int = Field(
        0, ge=0, description="Training images that look wrongly labelled.", examples=[1]
    )


class Report(ApiModel):
    """What the check of an upload found; each list has the first 1,000."""

    ignored: list[SkippedFileView] = Field(
        [], description="Files that are no images here, and why."
    )
    rejected: list[SkippedFileView] = Field([], description="Images that cannot be read, and why.")
    duplicates: list[tuple[str, str]] = Field(
        [], description="Two paths in one split with the same bytes."
    )
    leaked: list[tuple[str, str]] = Field(
        [], description="A path in train and one in val with the same bytes."
    )
    near_leaked: list[tuple[str, str]] = Field(
        [],
        description="A path in train, or in val, and one in a later split whose picture is nearly "
        "the same: scaled, compressed or lit anew, by a perceptual hash. Each image of val and "
        "test once, with the nearest; those in `leaked` are left out. A hint, not a proof: "
        "the hash is blind to colour.",
        examples=[[["train/ants/0013035.jpg", "val/ants/0013035-small.jpg"]]],
    )
    suspect_labels: list[LabelError] = Field(
        [],
        description="Training images that look wrongly labelled to the newest finished job that "
        "could tell, the most doubtful first.",
    )
    suspect_labels_job_id: str | None = Field(
        None,
        description="The job that found them; null before one has.",
        examples=["job_01k0w1rhzemcbybsywa1w8p9"],
    )
    counts: ReportCounts = Field(
        ReportCounts(images=0, ignored=0, system_files=0, rejected=0, duplicates=0, leaked=0),
        description="How many of everything there are.",
    )


class DatasetDetail(ApiModel):
    """A dataset; immutable once it is ready."""

    id: str = Field(description="Sorts by time.", examples=["ds_01k0w1rhzemcbybsywa1w8p9"])
    name: Name = Field(description="Also the name of models trained on it, unless a job says so.")
    status: DatasetStatus = Field(description="`ready` or `invalid` once it is checked.")
    error: DatasetError | None = Field(description="Why it is invalid.")
    class_names: list[str] = Field(
        description="Sorted: the order of a model's outputs.", examples=[["ants", "bees"]]
    )
    splits: dict[Split, SplitCounts] = Field(description="Counts of each split there is.")
    progress: IngestionProgress
    report: Report
    digest: str | None = Field(
        description="sha256 over the sorted lines `split/class/sha256 of the image`, each ended by "
        "a newline: the same for the same labelled images. Null until it is ready.",
        examples=["5603965946b2df48945214372b04ed27ba7bc781febc710b5253ca9de58942ce"],
    )
    num_bytes: int = Field(ge=0, description="Size of the upload.", examples=[47_457_124])
    val_fraction: float = Field(gt=0, le=0.9, description="As posted.", examples=[0.2])
    split_seed: int = Field(ge=0, description="As posted.", examples=[0])
    metadata: Metadata = Field(description="Your own pairs.")
    created_at: UtcTime = Field(description="When the upload was complete.")


class ImageDetail(ApiModel):
    """An image of a dataset."""

    id: int = Field(
        ge=1,
        description="Counts from 1, by split, class and path.",
        validation_alias="image_id",
        examples=[1],
    )
    split: Split = Field(description="`test` is never seen in training.")
    class_name: str = Field(description="Its label.", examples=["ants"])
    path: str = Field(description="In the archive.", examples=["train/ants/0013035.jpg"])
    sha256: str = Field(description="Of the file's bytes.", examples=["9f86d08…"])
    num_bytes: int = Field(ge=0, description="Size of the file.", examples=[95_210])
    width: int = Field(ge=1, description="Pixels, after EXIF rotation.", examples=[768])
    height: int = Field(ge=1, description="Pixels, after EXIF rotation.", examples=[512])


def view_dataset(dataset: Dataset) -> DatasetDetail:
    """A dataset as its readers see it."""
    return DatasetDetail.model_validate(
        {
            "id": dataset.id,
            "name": dataset.name,
            "status": dataset.status,
            "error": {"code": dataset.error_code, "message": dataset.error_message}
            if dataset.error_code
            else None,
            "class_names": dataset.class_names,
            "splits": dataset.splits,
            "progress": dataset.progress,
            "report": dataset.report,
            "digest": dataset.digest,
            "num_bytes": dataset.num_bytes,
            "val_fraction": dataset.val_fraction,
            "split_seed": dataset.split_seed,
            "metadata": dataset.labels,
            "created_at": dataset.created_at,
        }
    )
