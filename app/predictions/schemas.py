"""Predictions on the wire."""

from typing import Annotated

from pydantic import Field

from app.registry.references import ReferenceText
from app.registry.schemas import VersionName
from app.schemas import ApiModel


class PredictQuery(ApiModel):
    """What to predict with."""

    model: ReferenceText | None = Field(
        None, description="A model reference; left out, the chosen model (see /serving)."
    )
    top_k: int = Field(
        5, ge=1, le=1000, description="How many of the most probable classes to tell.", examples=[5]
    )


class Prediction(ApiModel):
    """A class and how probable it is."""

    label: str = Field(description="Name of the class.", examples=["ants"])
    probability: float = Field(
        ge=0, le=1, description="Its share of the softmax over all classes.", examples=[0.97]
    )


class ImagePredictions(ApiModel):
    """What the model says of one image."""

    predictions: list[Prediction] = Field(
        description="The most probable first; min(top_k, number of classes) of them."
    )


class ImageError(ApiModel):
    """What is wrong with an image."""

    code: str = Field(description="Stable, for programs.", examples=["IMAGE_CORRUPT"])
    message: str = Field(
        description="In words.", examples=["The image ends early or does not decode."]
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
