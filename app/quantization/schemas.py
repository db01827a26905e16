"""A version in int8: what is asked for, a worker's answer, what is shown of it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.evaluations.schemas import DatasetId
from app.models.schemas import VersionName, VersionNumber
from app.web.schemas import ApiModel


class QuantizeRequest(ApiModel):
    """Which images show the range of the network's activations."""

    dataset_id: DatasetId
    num_images: int = Field(
        300,
        ge=10,
        le=5000,
        description="At most so many training images, evenly taken; a few hundred are enough.",
        examples=[300],
    )


class QuantizationQuestion(BaseModel):
    """Which version to quantise; class_names are the model's, in the order of its outputs."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["quantize"] = "quantize"
    name: str
    version: int
    digest: str
    checkpoint_key: str
    class_names: list[str]
    num_images: int


class QuantizationFigures(ApiModel):
    """What became of the answers, over the dataset's validation images."""

    num_images: int = Field(ge=1, description="Validation images compared.", examples=[153])
    float_accuracy: float = Field(
        ge=0, le=1, description="Of the version it was made from, in float32.", examples=[0.928]
    )
    int8_accuracy: float = Field(ge=0, le=1, description="In int8.", examples=[0.928])
    num_changed: int = Field(
        ge=0, description="Images that both do not call the same.", examples=[1]
    )
    max_probability_difference: float = Field(
        ge=0, le=1, description="Largest change of a probability.", examples=[0.12]
    )


class QuantizationAnswer(BaseModel):
    """The graph's sha256 in hex and its size, and the figures."""

    digest: str
    num_bytes: int
    figures: QuantizationFigures


class Quantization(QuantizationFigures, VersionName):
    """The version in int8 that was registered; only a gate makes it champion."""

    quantized_from: VersionNumber
