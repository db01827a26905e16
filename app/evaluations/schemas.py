"""HTTP schemas of evaluations, and the parameters and result of a worker's run."""

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.datasets.manifest import Split
from app.ml.recipe import Precision
from app.ml.trust.figures import SplitFigures
from app.models.schemas import VersionName
from app.web.schemas import RequestModel, UtcTime


class Runtime(NamedTuple):
    """The engine and the precision of predictions, as in the settings."""

    engine: Literal["auto", "torch", "openvino", "onnxruntime"]
    precision: Precision


class EvaluationParameters(BaseModel):
    """The version, the split and the runtime of an evaluation.

    The digest is the checkpoint's; class_names are in the order of the model's outputs.
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
    """Metrics of a version on a split, with the probabilities as in serving."""

    calibration_error: float = Field(
        description="Expected calibration error of the served probabilities, temperature included: "
        "mean distance between confidence and accuracy over 15 bins of equal width, 0 to 1. It is "
        "biased upwards for few images.",
        examples=[0.031],
    )
    log_loss: float = Field(
        description="Mean cross-entropy of the served probabilities, in nats.", examples=[0.21]
    )


class EvaluationResult(BaseModel):
    """The metrics, and the predictions behind them.

    targets and predicted are indices in class_names, one for each image in the manifest's order.
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
        description="Id of a dataset that is ready and has the model's classes.",
        examples=["ds_01k0w1rhzekvcw9wykj3fymg"],
    ),
]
SplitChoice = Annotated[
    Split | None,
    Field(
        description="Split of the dataset. Default: `test` if it has one, otherwise `val`.",
        examples=["test"],
    ),
]


class EvaluateRequest(RequestModel):
    """The images to evaluate a version on."""

    dataset_id: DatasetId
    split: SplitChoice = None


class Evaluation(EvaluationFigures, VersionName):
    """The evaluation of a version on one split of a dataset."""

    dataset_id: str = Field(
        description="Id of the dataset.", examples=["ds_01k0w1rhzekvcw9wykj3fymg"]
    )
    dataset_digest: str = Field(
        description="Digest of the dataset's images.",
        examples=["2c26b46b…"],
    )
    split: Split = Field(description="Split of the dataset.", examples=["test"])
    class_names: list[str] = Field(
        description="Classes in the order of rows, columns and `per_class`.",
        examples=[["ants", "bees"]],
    )
    warnings: list[str] = Field(
        description="Reasons why the metrics may be too optimistic: the version has seen these "
        "images.",
        examples=[[]],
    )
    evaluated_at: UtcTime = Field(description="When the evaluation finished.")
