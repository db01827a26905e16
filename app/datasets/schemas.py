"""Response schemas of datasets and their images."""

from typing import Literal

from pydantic import Field

from app.datasets.label_errors import LabelError
from app.datasets.manifest import Split
from app.db.tables import Dataset
from app.web.schemas import ApiModel, Metadata, Name, UtcTime

DatasetStatus = Literal["ingesting", "ready", "invalid"]
Finding = Literal["duplicate", "leaked", "near_leaked", "suspect_label"]
PairKind = Literal["duplicates", "leaked", "near_leaked"]


class DatasetError(ApiModel):
    """The reason why a dataset is invalid."""

    code: str = Field(description="Stable error code.", examples=["ARCHIVE_INVALID"])
    message: str = Field(
        description="What is wrong and what to do.", examples=["The archive is truncated."]
    )


class SplitCounts(ApiModel):
    """The images of one split."""

    num_images: int = Field(ge=0, description="Accepted images.", examples=[244])
    per_class: dict[str, int] = Field(
        description="Accepted images of each class.", examples=[{"ants": 123, "bees": 121}]
    )


class IngestionProgress(ApiModel):
    """Progress of the ingestion."""

    stage: str = Field(
        description="`queued`, `starting`, `checking` (nothing is stored yet), `unpacking`, "
        "`done`, or `waiting_for_space` while the disk has too little free space.",
        examples=["checking"],
    )
    done: int = Field(ge=0, description="Processed bytes of the upload.", examples=[1_048_576])
    total: int = Field(ge=0, description="Size of the upload in bytes.", examples=[47_457_124])


class SkippedFileView(ApiModel):
    """A file of the archive that is not part of the dataset."""

    path: str = Field(description="Path in the archive.", examples=["train/ants/imageNotFound.gif"])
    reason: str = Field(
        description="Why it was skipped.", examples=["not a supported image type (.gif)"]
    )


class ReportCounts(ApiModel):
    """Full counts of the report's lists."""

    images: int = Field(ge=0, description="Accepted images.", examples=[397])
    ignored: int = Field(ge=0, description="Files that are not images.", examples=[1])
    system_files: int = Field(
        ge=0, description="Ignored files that an operating system created.", examples=[0]
    )
    rejected: int = Field(ge=0, description="Images that cannot be decoded.", examples=[0])
    duplicates: int = Field(ge=0, description="Exact duplicates within a split.", examples=[0])
    leaked: int = Field(ge=0, description="Validation images that are also in train.", examples=[0])
    near_leaked: int = Field(
        0, ge=0, description="Near duplicates of an image in another split.", examples=[0]
    )
    suspect_labels: int = Field(
        0, ge=0, description="Training images that are probably labelled wrongly.", examples=[1]
    )


class Report(ApiModel):
    """Findings of the ingestion; each list has at most the first 1,000."""

    warnings: list[str] = Field(
        [],
        description="Sentences to read before anything else, such as how many of the files were "
        "left out, if 5 percent or more were.",
        examples=[
            ["200 of 400 files were left out and are not in the dataset: 200 without a suffix."]
        ],
    )
    ignored: list[SkippedFileView] = Field([], description="Files that are not images.")
    rejected: list[SkippedFileView] = Field([], description="Images that cannot be decoded.")
    duplicates: list[tuple[str, str]] = Field(
        [], description="Pairs of paths in one split with the same bytes."
    )
    leaked: list[tuple[str, str]] = Field(
        [], description="Pairs of a path in train and one in val with the same bytes."
    )
    near_leaked: list[tuple[str, str]] = Field(
        [],
        description="Pairs of a path in train, or in val, and one in a later split whose image is "
        "a near duplicate (scaled, compressed or with other brightness), found by a perceptual "
        "hash. Each image of val and test appears once, with its nearest image; images in `leaked` "
        "are not listed. Check them by eye: the hash ignores colour.",
        examples=[[["train/ants/0013035.jpg", "val/ants/0013035-small.jpg"]]],
    )
    suspect_labels: list[LabelError] = Field(
        [],
        description="Training images that are probably labelled wrongly, from the newest finished "
        "job that could check labels, the most suspicious first.",
    )
    suspect_labels_job_id: str | None = Field(
        None,
        description="The job that found them; null if no job has checked labels.",
        examples=["job_01k0w1rhzemcbybsywa1w8p9"],
    )
    counts: ReportCounts = Field(
        ReportCounts(images=0, ignored=0, system_files=0, rejected=0, duplicates=0, leaked=0),
        description="Full counts of the lists.",
    )


class DatasetDetail(ApiModel):
    """A dataset; its images do not change once it is ready."""

    id: str = Field(
        description="Id; ids sort by time of creation.", examples=["ds_01k0w1rhzemcbybsywa1w8p9"]
    )
    name: Name = Field(
        description="Name; also the default name of the models that are trained on it."
    )
    status: DatasetStatus = Field(description="`ready` or `invalid` after the ingestion.")
    error: DatasetError | None = Field(description="Why it is invalid.")
    class_names: list[str] = Field(
        description="Sorted class names, in the order of a model's outputs.",
        examples=[["ants", "bees"]],
    )
    splits: dict[Split, SplitCounts] = Field(description="Counts of each split.")
    progress: IngestionProgress
    report: Report
    digest: str | None = Field(
        description="sha256 of the sorted lines `split/class/sha256 of the image`, each ended by a "
        "newline. Equal for equal labelled images; null until the dataset is ready.",
        examples=["5603965946b2df48945214372b04ed27ba7bc781febc710b5253ca9de58942ce"],
    )
    num_bytes: int = Field(ge=0, description="Size of the upload.", examples=[47_457_124])
    val_fraction: float = Field(
        gt=0, le=0.9, description="As sent with the upload.", examples=[0.2]
    )
    split_seed: int = Field(ge=0, description="As sent with the upload.", examples=[0])
    metadata: Metadata = Field(description="Metadata as sent with the upload.")
    created_at: UtcTime = Field(description="Time at which the upload was complete.")


class ImageDetail(ApiModel):
    """An image of a dataset."""

    id: int = Field(
        ge=1,
        description="Id from 1, in the order of split, class and path.",
        validation_alias="image_id",
        examples=[1],
    )
    split: Split = Field(description="Split; `test` is not used in training.")
    class_name: str = Field(description="Label.", examples=["ants"])
    path: str = Field(description="Path in the archive.", examples=["train/ants/0013035.jpg"])
    sha256: str = Field(description="sha256 of the file.", examples=["9f86d08…"])
    num_bytes: int = Field(ge=0, description="Size of the file in bytes.", examples=[95_210])
    width: int = Field(ge=1, description="Width in pixels after EXIF rotation.", examples=[768])
    height: int = Field(ge=1, description="Height in pixels after EXIF rotation.", examples=[512])
    findings: list[Finding] = Field(
        [],
        description="The lists of the dataset's report that name this image, each at most once. "
        "For `duplicate`, `leaked` and `near_leaked` both images of a pair are named.",
        examples=[["near_leaked"]],
    )


class ImagePair(ApiModel):
    """Two images of a dataset that are equal or nearly equal."""

    id: int = Field(ge=1, description="Position in the report's list, from 1.", examples=[1])
    first: ImageDetail = Field(
        description="The image that is kept as the original: the first copy, or the image in the "
        "earlier split."
    )
    second: ImageDetail = Field(description="The copy, or the near duplicate.")


def view_dataset(dataset: Dataset) -> DatasetDetail:
    """Convert a dataset from its row to a response."""
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
