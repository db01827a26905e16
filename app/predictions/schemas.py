"""HTTP schemas of predictions."""

from typing import Annotated

from pydantic import Field

from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.web.schemas import ApiModel


class PredictOptions(ApiModel):
    """Options of a prediction; the same for POST /predict and batches."""

    top_k: int = Field(
        5, ge=1, le=1000, description="Number of most probable classes to return.", examples=[5]
    )
    logits: bool = Field(
        False, description="Also return the raw logits of these classes.", examples=[True]
    )
    coverage: float | None = Field(
        None,
        ge=0.5,
        le=0.999,
        description="Also return a set of labels that includes the correct one for this share of "
        "images like the validation images (conformal prediction).",
        examples=[0.95],
    )


class PredictQuery(PredictOptions):
    """The model and the options of a predict request."""

    model: ReferenceText | None = Field(
        None, description="A model reference. Default: the chosen model (see /serving)."
    )
    explain: bool = Field(
        False, description="Also return a heat map for the most probable class.", examples=[True]
    )


class Prediction(ApiModel):
    """A class and its probability."""

    label: str = Field(description="Name of the class.", examples=["ants"])
    probability: float = Field(
        ge=0,
        le=1,
        description="Softmax over all classes, calibrated if the version is.",
        examples=[0.97],
    )
    logit: float | None = Field(
        None,
        description="The raw logit, uncalibrated. Null unless `logits` is true.",
        examples=[3.41],
    )


class LabelSet(ApiModel):
    """The labels needed to include the correct one as often as `coverage` asks."""

    coverage: float = Field(
        ge=0.5,
        le=0.999,
        description="The set includes the correct label for at least this share of images like the "
        "validation images.",
        examples=[0.95],
    )
    labels: list[str] = Field(
        min_length=1,
        description="The most probable first. All classes if there were too few validation images "
        "to exclude any.",
        examples=[["ants", "bees"]],
    )
    abstained: bool = Field(
        description="Whether more than one label is possible, so that the model does not decide.",
        examples=[True],
    )


class NoveltyFigures(ApiModel):
    """The out-of-distribution (OOD) score of an image: its distance from the training images."""

    score: float = Field(
        ge=0,
        le=2,
        description="Distance of the image's features from those of the nearest training images.",
        examples=[0.62],
    )
    limit: float | None = Field(
        description="95 % of images like the validation images have a lower score. Null if there "
        "were fewer than 19 validation images.",
        examples=[0.55],
    )
    is_novel: bool | None = Field(
        description="Whether the score is above the limit; do not trust the label then. Null "
        "without a limit.",
        examples=[True],
    )


class HeatMap(ApiModel):
    """A heat map of the image for one class."""

    label: str = Field(description="The most probable class.", examples=["ants"])
    crop: float = Field(
        gt=0,
        description="The side of the square in the middle of the image that the heat map covers, "
        "as a share of the image's shorter side. Above 1 the square has black borders.",
        examples=[0.875],
    )
    heatmap_png: str = Field(
        description="PNG file in base64: the preprocessed image in grey, and the regions that "
        "raise the class's score in red to yellow.",
        examples=["iVBORw0KGgo…"],
    )


class ImagePredictions(ApiModel):
    """The model's predictions for one image."""

    predictions: list[Prediction] = Field(
        description="The most probable class first; min(top_k, number of classes) entries."
    )
    prediction_set: LabelSet | None = Field(None, description="Null unless `coverage` is given.")
    novelty: NoveltyFigures | None = Field(
        None, description="Null for a version registered without calibration."
    )
    explanation: HeatMap | None = Field(None, description="Null unless `explain` is true.")


class ImageError(ApiModel):
    """The error of one image."""

    code: str = Field(description="Stable error code, for programs.", examples=["IMAGE_CORRUPT"])
    message: str = Field(
        description="Description of the error.",
        examples=[
            "The image is truncated or damaged and cannot be decoded. Save or export it again."
        ],
    )


class ImageFailure(ApiModel):
    """An image that could not be predicted, among others that were."""

    error: ImageError


InferenceMs = Annotated[
    float,
    Field(
        ge=0,
        description="Milliseconds for decoding, preprocessing and the forward pass, summed over "
        "the images. Waiting in the queue and loading the model are not included.",
        examples=[23.4],
    ),
]


class _Response(ApiModel):
    model: VersionName = Field(description="The version that made the predictions.")


class SinglePrediction(ImagePredictions, _Response):
    """The predictions for one image."""

    inference_ms: InferenceMs


class SeveralPredictions(_Response):
    """The predictions for several images."""

    results: list[ImagePredictions | ImageFailure] = Field(
        description="One entry per image, in the order sent."
    )
    inference_ms: InferenceMs
