"""HTTP schemas of quantizations, and the parameters and result of a worker's run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.evaluations.schemas import DatasetId
from app.models.schemas import VersionName, VersionNumber
from app.web.schemas import ApiModel, RequestModel


class QuantizeRequest(RequestModel):
    """The images that calibrate the ranges of the activations."""

    dataset_id: DatasetId
    num_images: int = Field(
        300,
        ge=10,
        le=5000,
        description="Maximum number of training images, sampled evenly; a few hundred are enough.",
        examples=[300],
    )


class QuantizationParameters(BaseModel):
    """The version to quantize; class_names are in the order of the model's outputs."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["quantize"] = "quantize"
    name: str
    version: int
    digest: str
    checkpoint_key: str
    class_names: list[str]
    num_images: int


class QuantizationFigures(ApiModel):
    """Comparison of both versions on the dataset's validation images."""

    num_images: int = Field(ge=1, description="Validation images compared.", examples=[153])
    float_accuracy: float = Field(
        ge=0, le=1, description="Accuracy of the original version in float32.", examples=[0.928]
    )
    int8_accuracy: float = Field(ge=0, le=1, description="Accuracy in int8.", examples=[0.928])
    float_balanced_accuracy: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Balanced accuracy of the original version in float32: the mean recall over "
        "the classes with images. Null for quantizations of earlier versions.",
        examples=[0.925],
    )
    int8_balanced_accuracy: float | None = Field(
        None, ge=0, le=1, description="Balanced accuracy in int8; null likewise.", examples=[0.925]
    )
    num_changed: int = Field(
        ge=0, description="Images with different predicted classes.", examples=[1]
    )
    max_probability_difference: float = Field(
        ge=0, le=1, description="Largest difference of a probability.", examples=[0.12]
    )


class QuantizationResult(BaseModel):
    """The int8 graph's sha256 in hex, its size, and the comparison."""

    digest: str
    num_bytes: int
    figures: QuantizationFigures


class Quantization(QuantizationFigures, VersionName):
    """The registered int8 version; it can become champion only through the gate."""

    quantized_from: VersionNumber
