"""Predictions on the wire."""

from typing import Annotated

from pydantic import Field

from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.web.schemas import ApiModel


class PredictOptions(ApiModel):
    """What to tell of each image, whether one or many are sent."""

    top_k: int = Field(
        5, ge=1, le=1000, description="How many of the most probable classes to tell.", examples=[5]
    )
    logits: bool = Field(
        False, description="Tell the raw logits of these classes, too.", examples=[True]
    )
    coverage: float | None = Field(
        None,
        ge=0.5,
        le=0.999,
        description="Tell a set of labels, too, that holds the right one for this share of images "
        "that are like the validation images.",
        examples=[0.95],
    )


class PredictQuery(PredictOptions):
    """What to predict with."""

    model: ReferenceText | None = Field(
        None, description="A model reference; left out, the chosen model (see /serving)."
    )
    explain: bool = Field(
        False, description="Show where the most probable class was seen, too.", examples=[True]
    )


class Prediction(ApiModel):
    """A class and how probable it is."""

    label: str = Field(description="Name of the class.", examples=["ants"])
    probability: float = Field(
        ge=0,
        le=1,
        description="Its share of the softmax over all classes, calibrated where the version is.",
        examples=[0.97],
    )
    logit: float | None = Field(
        None,
        description="What the head gave for it, uncalibrated; null unless asked for by `logits`.",
        examples=[3.41],
    )


class LabelSet(ApiModel):
    """As many labels as it takes to hold the right one as often as was asked for."""

    coverage: float = Field(
        ge=0.5,
        le=0.999,
        description="For at least this share of images like the validation images the right label "
        "is in the set.",
        examples=[0.95],
    )
    labels: list[str] = Field(
        min_length=1,
        description="The most probable first; all classes where validation had too few images to "
        "leave any out.",
        examples=[["ants", "bees"]],
    )
    abstained: bool = Field(
        description="More than one label is possible, so none is given.", examples=[True]
    )


class NoveltyFigures(ApiModel):
    """How unlike the training images an image is, whatever label it gets."""

    score: float = Field(
        ge=0,
        le=2,
        description="Distance of its features from the nearest of the training images.",
        examples=[0.62],
    )
    limit: float | None = Field(
        description="95 % of images like the validation images lie nearer; null where they are "
        "fewer than 19, which cannot tell.",
        examples=[0.55],
    )
    is_novel: bool | None = Field(
        description="The score is above the limit: the label means little. Null without a limit.",
        examples=[True],
    )


class SeenAt(ApiModel):
    """Where a class was seen in an image."""

    label: str = Field(description="The most probable class.", examples=["ants"])
    heatmap_png: str = Field(
        description="The image as the network sees it (cropped and resized), in grey, with the "
        "places that speak for the class in red to yellow: a PNG file, base64.",
        examples=["iVBORw0KGgo…"],
    )


class ImagePredictions(ApiModel):
    """What the model says of one image."""

    predictions: list[Prediction] = Field(
        description="The most probable first; min(top_k, number of classes) of them."
    )
    prediction_set: LabelSet | None = Field(
        None, description="Null unless asked for by `coverage`."
    )
    novelty: NoveltyFigures | None = Field(
        None, description="Null for a version that was registered without its calibration."
    )
    explanation: SeenAt | None = Field(None, description="Null unless asked for by `explain`.")


class ImageError(ApiModel):
    """What is wrong with an image."""

    code: str = Field(description="Stable, for programs.", examples=["IMAGE_CORRUPT"])
    message: str = Field(
        description="In words.",
        examples=[
            "The image is truncated or damaged and cannot be decoded. Save or export it again."
        ],
    )


class ImageFailure(ApiModel):
    """An image that could not be predicted; the others were."""

    error: ImageError


InferenceMs = Annotated[
    float,
    Field(
        ge=0,
        description="Milliseconds of decoding, preprocessing and the forward pass, added up over "
        "the images; waiting for a lane and loading the model not counted.",
        examples=[23.4],
    ),
]


class _Answer(ApiModel):
    model: VersionName = Field(description="The version that answered.")


class SinglePrediction(ImagePredictions, _Answer):
    """The answer for one image."""

    inference_ms: InferenceMs


class SeveralPredictions(_Answer):
    """The answer for several images."""

    results: list[ImagePredictions | ImageFailure] = Field(
        description="One for each image, in the order sent."
    )
    inference_ms: InferenceMs
