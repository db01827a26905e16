"""HTTP schemas of batch predictions."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Json, model_validator

from app.datasets.manifest import Split
from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.predictions.schemas import ImageFailure, ImagePredictions, PredictOptions
from app.web.schemas import ApiModel, Metadata, RequestModel, UtcTime, make_file_form_schema

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
TERMINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})

_MODEL = Field(None, description="A model reference. Default: the chosen model (see /serving).")


class BatchRequest(PredictOptions, RequestModel):
    """A request to classify the images of a dataset, or of an archive that was uploaded before."""

    dataset_id: str | None = Field(
        None,
        max_length=40,
        description="Id of the dataset; give this or `upload_id`.",
        examples=["ds_01k0w1rhzemcbybsywa1w8p9"],
    )
    upload_id: str | None = Field(
        None,
        max_length=40,
        description="Id of a finished upload (see `POST /uploads`); it can be used once.",
        examples=[None],
    )
    split: Split | None = Field(
        None, description="Only this split of the dataset. Default: all splits.", examples=["val"]
    )
    model: ReferenceText | None = _MODEL
    metadata: Metadata = Field(
        default_factory=dict, description="Up to 16 of your own key-value pairs."
    )

    @model_validator(mode="after")
    def _require_one_source(self) -> Self:
        if (self.dataset_id is None) == (self.upload_id is None):
            raise ValueError("give either dataset_id or upload_id")
        if self.split is not None and self.dataset_id is None:
            raise ValueError("split needs dataset_id; an archive has no splits")
        return self

    @property
    def options(self) -> PredictOptions:
        return _options_of(self)


class BatchForm(PredictOptions):
    """The form fields besides the archive of images."""

    model: ReferenceText | None = _MODEL
    metadata: Json[Metadata] = Field(
        default_factory=dict,
        description="Up to 16 of your own key-value pairs, as a JSON object.",
        examples=['{"team": "ants"}'],
    )

    @property
    def options(self) -> PredictOptions:
        return _options_of(self)


def _options_of(request: PredictOptions) -> PredictOptions:
    return PredictOptions(**{name: getattr(request, name) for name in PredictOptions.model_fields})


class BatchProgress(ApiModel):
    """Progress of a batch."""

    stage: str = Field(description="Current stage.", examples=["predicting"])
    done: int = Field(
        ge=0, description="Images done; bytes of the archive while `checking`.", examples=[96]
    )
    total: int = Field(
        ge=0, description="Total in the same unit; 0 until it is known.", examples=[153]
    )


class BatchCounts(ApiModel):
    """Counts of a batch's images."""

    images: int = Field(ge=0, description="Number of images.", examples=[153])
    failed: int = Field(ge=0, description="Number of images that cannot be read.", examples=[0])
    per_label: dict[str, int] = Field(
        description="Number of images for which each class is the most probable.",
        examples=[{"ants": 71, "bees": 82}],
    )


class BatchError(ApiModel):
    """The error of a failed batch."""

    code: str = Field(description="Stable error code, for programs.", examples=["ARCHIVE_INVALID"])
    message: str = Field(
        description="Description of the error.", examples=["The file is not an archive."]
    )


class BatchDetail(ApiModel):
    """A batch prediction: many images, classified by a worker."""

    id: str = Field(description="The batch.", examples=["pred_01k0w1rhzemcbybsywa1w8p9"])
    status: Status = Field(
        description="Status. A batch stays queued while its dataset is checked.",
        examples=["succeeded"],
    )
    is_terminal: bool = Field(description="Whether the status is final.", examples=[True])
    model: VersionName = Field(
        description="The version that predicts; resolved when the batch was created."
    )
    dataset_id: str | None = Field(
        description="Id of the dataset; null for an archive.",
        examples=["ds_01k0w1rhzemcbybsywa1w8p9"],
    )
    split: Split | None = Field(
        description="The requested split; null for all splits.", examples=["val"]
    )
    options: PredictOptions = Field(description="The requested options.")
    progress: BatchProgress = Field(description="Progress.")
    counts: BatchCounts | None = Field(
        description="Counts of the images; null until it has succeeded."
    )
    accuracy: float | None = Field(
        ge=0,
        le=1,
        description="Share of the readable images whose most probable class is their label. Null "
        "without labels, or if the model has none of these classes.",
        examples=[0.947],
    )
    error: BatchError | None = Field(description="The error, if it failed; otherwise null.")
    metadata: Metadata = Field(description="Up to 16 of your own key-value pairs.")
    created_at: UtcTime = Field(description="When it was created.")
    finished_at: UtcTime | None = Field(description="When its status became final.")


class _Source(ApiModel):
    path: str = Field(
        description="Path of the image in the dataset or archive.",
        examples=["val/bees/10870992.jpg"],
    )
    image_id: int | None = Field(
        None, description="Id of the image in the dataset; null for an archive.", examples=[17]
    )
    label: str | None = Field(
        None,
        description="Label of the image in the dataset; null for an archive.",
        examples=["bees"],
    )


class PredictedImage(ImagePredictions, _Source):
    """A line of the results: the predictions for an image, as from POST /predict."""


class FailedImage(ImageFailure, _Source):
    """A line of the results: an image that cannot be read."""


ResultLine = Annotated[PredictedImage | FailedImage, Field(union_mode="left_to_right")]


def form_schema() -> dict[str, Any]:
    """Return the JSON schema of the form with its archive."""
    return make_file_form_schema(
        BatchForm,
        title="Archive",
        file="A zip, tar, tar.gz or tar.zst. Every image file in it is classified, in any folder.",
    )
