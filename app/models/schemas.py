"""Models, versions, aliases and the chosen model on the wire."""

from typing import Annotated

from pydantic import Field

from app.models.references import MAX_VERSION
from app.web.schemas import AliasName, ApiModel, Metadata, Name, UtcTime

VersionNumber = Annotated[
    int,
    Field(ge=1, le=MAX_VERSION, description="Counts from 1; never used again.", examples=[3]),
]


class VersionName(ApiModel):
    """One version of one model."""

    name: Name = Field(description="Name of the model.", examples=["ants-and-bees"])
    version: VersionNumber


class Calibration(ApiModel):
    """How a version's probabilities are calibrated, and on what."""

    temperature: float = Field(
        gt=0,
        description="What logits are divided by before the softmax; above 1 the model by itself is "
        "too sure.",
        examples=[1.3],
    )
    num_images: int = Field(
        ge=1,
        description="Validation images behind the temperature, the sets of labels for a coverage, "
        "and the limit of novelty.",
        examples=[153],
    )


class VersionDetail(VersionName):
    """A servable checkpoint and where it came from."""

    aliases: list[AliasName] = Field(
        description="Aliases that point to it.", examples=[["champion"]]
    )
    job_id: str = Field(description="The job that trained it.", examples=["job_06f3k2…"])
    architecture: str = Field(description="By torchvision's name.", examples=["squeezenet1_0"])
    class_names: list[str] = Field(
        min_length=1,
        description="In the order of the model's outputs.",
        examples=[["ants", "bees"]],
    )
    input_size: int = Field(
        ge=1, description="Height and width of the input in pixels.", examples=[224]
    )
    val_accuracy: float = Field(
        ge=0, le=1, description="Of its best epoch, on the validation split.", examples=[0.947]
    )
    calibration: Calibration | None = Field(
        description="How its probabilities are calibrated; null for a version that cannot tell "
        "sets of labels or novelty."
    )
    num_bytes: int = Field(ge=0, description="Size of the checkpoint.", examples=[2_955_032])
    digest: str = Field(description="sha256 of the checkpoint, hexadecimal.", examples=["9f86d08…"])
    dataset_digest: str | None = Field(
        description="That of the images it was trained on; null where that is not known.",
        examples=["2c26b46b…"],
    )
    quantized_from: VersionNumber | None = Field(
        description="The version that this one in int8 was made from; null for all others."
    )
    created_at: UtcTime = Field(description="When it was registered.")


class ModelSummary(ApiModel):
    """A registered model."""

    name: Name = Field(description="Name of the model.", examples=["ants-and-bees"])
    newest_version: int | None = Field(
        ge=1, description="Its newest version; null once all are deleted.", examples=[3]
    )
    aliases: dict[AliasName, int] = Field(
        description="The version each alias points to.", examples=[{"champion": 2}]
    )
    metadata: Metadata = Field(description="Up to 16 pairs of your own.")
    created_at: UtcTime = Field(description="When its first version was registered.")


class ModelDetail(ModelSummary):
    """A registered model with its versions."""

    versions: list[VersionDetail] = Field(description="Newest first.")
