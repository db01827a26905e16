"""HTTP schemas of models and their versions."""

from typing import Annotated

from pydantic import Field

from app.models.references import MAX_VERSION
from app.web.schemas import AliasName, ApiModel, Metadata, Name, UtcTime

VersionNumber = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_VERSION,
        description="Version number, from 1. Numbers are never reused.",
        examples=[3],
    ),
]

ValBalancedAccuracy = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        description="Balanced accuracy of its best epoch on the validation split: the mean recall "
        "over the classes with images. Null for versions that earlier releases registered.",
        examples=[0.941],
    ),
]


class VersionName(ApiModel):
    """The name of one version of a model."""

    name: Name = Field(description="Name of the model.", examples=["ants-and-bees"])
    version: VersionNumber


class Calibration(ApiModel):
    """The calibration of a version's probabilities."""

    temperature: float = Field(
        gt=0,
        description="Divisor of the logits before the softmax; above 1 if the uncalibrated model "
        "is overconfident.",
        examples=[1.3],
    )
    num_images: int = Field(
        ge=1,
        description="Number of validation images used for the temperature, the prediction sets and "
        "the out-of-distribution limit (`novelty`).",
        examples=[153],
    )


class VersionDetail(VersionName):
    """A registered checkpoint and its origin."""

    aliases: list[AliasName] = Field(
        description="Aliases that point to it.", examples=[["champion"]]
    )
    job_id: str = Field(description="The job that trained it.", examples=["job_06f3k2…"])
    architecture: str = Field(description="torchvision's name.", examples=["squeezenet1_0"])
    class_names: list[str] = Field(
        min_length=1,
        description="Classes in the order of the model's outputs.",
        examples=[["ants", "bees"]],
    )
    input_size: int = Field(
        ge=1, description="Height and width of the input in pixels.", examples=[224]
    )
    val_accuracy: float = Field(
        ge=0,
        le=1,
        description="Accuracy of its best epoch on the validation split.",
        examples=[0.947],
    )
    val_balanced_accuracy: ValBalancedAccuracy
    calibration: Calibration | None = Field(
        description="Calibration of its probabilities; null for a version without prediction sets "
        "and out-of-distribution scores."
    )
    num_bytes: int = Field(
        ge=0, description="Size of the checkpoint in bytes.", examples=[2_955_032]
    )
    digest: str = Field(description="sha256 of the checkpoint, hexadecimal.", examples=["9f86d08…"])
    dataset_digest: str | None = Field(
        description="Digest of the dataset it was trained on; null if unknown.",
        examples=["2c26b46b…"],
    )
    quantized_from: VersionNumber | None = Field(
        description="The original of this int8 version; null for all others."
    )
    created_at: UtcTime = Field(description="When it was registered.")


class NewestVersion(ApiModel):
    """What a list shows of a model's newest version."""

    version: VersionNumber
    val_accuracy: float = Field(
        ge=0,
        le=1,
        description="Accuracy of its best epoch on the validation split.",
        examples=[0.947],
    )
    val_balanced_accuracy: ValBalancedAccuracy
    architecture: str = Field(description="torchvision's name.", examples=["squeezenet1_0"])
    num_classes: int = Field(ge=1, description="Number of its classes.", examples=[2])
    created_at: UtcTime = Field(description="When it was registered.")


class ModelSummary(ApiModel):
    """A registered model."""

    name: Name = Field(description="Name of the model.", examples=["ants-and-bees"])
    newest_version: int | None = Field(
        ge=1, description="Newest version; null if all are deleted.", examples=[3]
    )
    newest: NewestVersion | None = Field(description="The newest version; null if all are deleted.")
    champion: int | None = Field(
        ge=1, description="Version of the alias `champion`; null without it.", examples=[2]
    )
    aliases: dict[AliasName, int] = Field(
        description="Version of each alias.", examples=[{"champion": 2}]
    )
    metadata: Metadata = Field(description="Up to 16 of your own key-value pairs.")
    created_at: UtcTime = Field(description="When its first version was registered.")


class ModelDetail(ModelSummary):
    """A registered model with its versions."""

    versions: list[VersionDetail] = Field(description="Newest first.")
