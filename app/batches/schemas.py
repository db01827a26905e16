"""Batch predictions on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field, Json

from app.datasets.manifest import Split
from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.predictions.schemas import ImageFailure, ImagePredictions, PredictOptions
from app.web.schemas import ApiModel, Metadata, UtcTime

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
TERMINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})

_MODEL = Field(None, description="A model reference; left out, the chosen model (see /serving).")


class BatchRequest(PredictOptions):
    """The images of a dataset, and what to predict with."""

    dataset_id: str = Field(
        max_length=40, description="The dataset.", examples=["ds_01k0w1rhzemcbybsywa1w8p9"]
    )
    split: Split | None = Field(
        None, description="Only this split; left out, all of them.", examples=["val"]
    )
    model: ReferenceText | None = _MODEL
    metadata: Metadata = Field(default_factory=dict, description="Up to 16 pairs of your own.")

    @property
    def options(self) -> PredictOptions:
        return _options_of(self)


class BatchForm(PredictOptions):
    """The fields beside an archive of images."""

    model: ReferenceText | None = _MODEL
    metadata: Json[Metadata] = Field(
        default_factory=dict,
        description="Up to 16 pairs of your own, as a JSON object.",
        examples=['{"team": "ants"}'],
    )

    @property
    def options(self) -> PredictOptions:
        return _options_of(self)


def _options_of(request: PredictOptions) -> PredictOptions:
    return PredictOptions(**{name: getattr(request, name) for name in PredictOptions.model_fields})


class BatchProgress(ApiModel):
    """How far a batch is."""

    stage: str = Field(description="What is being done.", examples=["predicting"])
    done: int = Field(
        ge=0, description="Images; bytes of the archive while `checking`.", examples=[96]
    )
    total: int = Field(ge=0, description="In the same unit; 0 before it is known.", examples=[153])


class BatchCounts(ApiModel):
    """What came of the images."""

    images: int = Field(ge=0, description="How many there are.", examples=[153])
    failed: int = Field(ge=0, description="How many of them cannot be read.", examples=[0])
    per_label: dict[str, int] = Field(
        description="How often each class is the most probable one.",
        examples=[{"ants": 71, "bees": 82}],
    )


class BatchError(ApiModel):
    """Why a batch failed."""

    code: str = Field(description="Stable, for programs.", examples=["ARCHIVE_INVALID"])
    message: str = Field(description="In words.", examples=["The file is not an archive."])


class BatchDetail(ApiModel):
    """Many images classified by a worker."""

    id: str = Field(description="The batch.", examples=["pred_01k0w1rhzemcbybsywa1w8p9"])
    status: Status = Field(
        description="Where it is; it waits while its dataset is checked.", examples=["succeeded"]
    )
    is_terminal: bool = Field(description="Whether the status is final.", examples=[True])
    model: VersionName = Field(description="The version that answers, as it was when posted.")
    dataset_id: str | None = Field(
        description="The dataset; null for an archive.", examples=["ds_01k0w1rhzemcbybsywa1w8p9"]
    )
    split: Split | None = Field(description="The only split, if one was named.", examples=["val"])
    options: PredictOptions = Field(description="What is told of each image.")
    progress: BatchProgress = Field(description="How far it is.")
    counts: BatchCounts | None = Field(description="What came of it; null before it succeeded.")
    accuracy: float | None = Field(
        ge=0,
        le=1,
        description="Share of the readable images whose most probable class is their own; null "
        "without labels, or where the model knows none of them.",
        examples=[0.947],
    )
    error: BatchError | None = Field(description="Why it failed, if it did.")
    metadata: Metadata = Field(description="Up to 16 pairs of your own.")
    created_at: UtcTime = Field(description="When it was posted.")
    finished_at: UtcTime | None = Field(description="When its status became final.")


class _Source(ApiModel):
    path: str = Field(description="Where the image lies.", examples=["val/bees/10870992.jpg"])
    image_id: int | None = Field(
        None, description="Its number in the dataset; null for an archive.", examples=[17]
    )
    label: str | None = Field(
        None, description="Its class in the dataset; null for an archive.", examples=["bees"]
    )


class PredictedImage(ImagePredictions, _Source):
    """A line of the results: what POST /predict says of the image."""


class FailedImage(ImageFailure, _Source):
    """A line of the results: an image that cannot be read."""


ResultLine = Annotated[PredictedImage | FailedImage, Field(union_mode="left_to_right")]


def form_schema() -> dict[str, Any]:
    """The form's JSON schema, with a file that Swagger UI shows a chooser for."""
    schema = BatchForm.model_json_schema()
    file = {
        "type": "string",
        "format": "binary",
        "description": "A zip, tar, tar.gz or tar.zst; every image file in it is predicted, "
        "whatever its folder.",
    }
    return schema | {
        "title": "Archive",
        "required": ["file"],
        "properties": {"file": file} | schema["properties"],
    }
