"""What a version says of a split's images: the question, a worker's answer, what is shown of it."""

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.datasets.manifest import Split
from app.ml.recipe import Precision
from app.ml.trust.figures import SplitFigures
from app.models.schemas import VersionName
from app.web.schemas import ApiModel, UtcTime


class Runtime(NamedTuple):
    """What models answer with where this service predicts: engine and numbers, as in settings."""

    engine: Literal["auto", "torch", "openvino", "onnxruntime"]
    precision: Precision


class EvaluationQuestion(BaseModel):
    """Which version, which images, and what it is run by.

    The digest is the checkpoint's; class_names are the model's, in the order of its outputs.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["evaluate"] = "evaluate"
    checkpoint_key: str
    trust_key: str | None
    quantized_key: str | None = None
    digest: str
    class_names: list[str]
    split: Split
    runtime: Runtime


class EvaluationFigures(SplitFigures):
    """How a version did on a split, with its probabilities as it answers them."""

    calibration_error: float = Field(
        description="Expected calibration error of the probabilities as they are served, "
        "temperature included: mean distance between confidence and accuracy over 15 bins of equal "
        "width, 0 to 1. With few images it is biased upwards.",
        examples=[0.031],
    )
    log_loss: float = Field(
        description="Mean cross-entropy of the same probabilities, in nats.", examples=[0.21]
    )


class EvaluationAnswer(BaseModel):
    """The figures, and what they are made of.

    targets and predicted are positions in class_names, one for each image in the manifest's order.
    """

    figures: EvaluationFigures
    targets: list[int]
    predicted: list[int]


DatasetId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        pattern=r"^[\w-]+$",
        description="A dataset that is ready and has the model's classes.",
        examples=["ds_01k0w1rhzekvcw9wykj3fymg"],
    ),
]
SplitChoice = Annotated[
    Split | None,
    Field(
        description="Which of its images; left out, `test` where there is one, else `val`.",
        examples=["test"],
    ),
]


class EvaluateRequest(ApiModel):
    """The images that a version shall be judged on."""

    dataset_id: DatasetId
    split: SplitChoice = None


class Evaluation(EvaluationFigures, VersionName):
    """What a version is worth on the images of one split."""

    dataset_id: str = Field(description="Whose images.", examples=["ds_01k0w1rhzekvcw9wykj3fymg"])
    dataset_digest: str = Field(
        description="Which images: the same digest and split are the same images.",
        examples=["2c26b46b…"],
    )
    split: Split = Field(description="Which of them.", examples=["test"])
    class_names: list[str] = Field(
        description="The order of rows, columns and `per_class`.", examples=[["ants", "bees"]]
    )
    warnings: list[str] = Field(
        description="Why the figures may flatter the version: it has seen these images.",
        examples=[[]],
    )
    evaluated_at: UtcTime = Field(description="When a worker had looked at the images.")
