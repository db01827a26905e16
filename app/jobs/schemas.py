"""Jobs on the wire."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.jobs.states import Status
from app.ml.recipe import EarlyStopping, Recipe, Strategy
from app.schemas import ApiModel, Metadata, Name, UtcTime

CheckpointKind = Literal["resume", "best", "model"]
Preset = Literal["recommended", "tutorial", "tutorial-steplr", "tutorial-inception"]


class _Partial(BaseModel):
    """Some fields of a part; the preset or the part's own defaults give the rest."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class OptimizerRequest(_Partial):
    """What to change about the preset's optimizer; another name starts from its own defaults."""

    name: Literal["sgd", "rmsprop", "adamw"] | None = Field(None, examples=["sgd"])
    learning_rate: float | None = Field(None, gt=0, le=100, examples=[0.001])
    momentum: float | None = Field(
        None, ge=0, lt=1, description="Of sgd and rmsprop.", examples=[0.9]
    )
    weight_decay: float | None = Field(None, ge=0, le=10, examples=[0.0])


class SchedulerRequest(_Partial):
    """What to change about the preset's learning-rate schedule."""

    name: Literal["constant", "step", "cosine"] | None = Field(None, examples=["step"])
    step_size: int | None = Field(None, ge=1, le=10_000, description="Of step.", examples=[7])
    gamma: float | None = Field(None, gt=0, le=1, description="Of step.", examples=[0.1])
    warmup_epochs: float | None = Field(
        None, ge=0, le=1000, description="Of cosine.", examples=[1.0]
    )


class AugmentationRequest(_Partial):
    """What to change about the preset's augmentation."""

    name: Literal["tutorial", "none"] | None = Field(None, examples=["tutorial"])
    min_scale: float | None = Field(
        None, gt=0, le=1, description="Of tutorial: the smallest share of the area cropped."
    )


class JobRequest(ApiModel):
    """A training job; only `dataset_id` is required, the preset fills the rest."""

    dataset_id: str = Field(max_length=40, examples=["ds_01k0w1rhzekvcw9wykj3fymg"])
    architecture: str | None = Field(
        None,
        max_length=64,
        description="One of GET /architectures, by its torchvision name or the tutorial's.",
        examples=["squeezenet1_0"],
    )
    strategy: Strategy | None = Field(
        None,
        description="Which layers learn: the new head alone (`feature_extract`), everything "
        "(`fine_tune`), everything from `trainable_from` on (`partial`), or everything from "
        "random weights (`scratch`).",
    )
    trainable_from: str | None = Field(
        None,
        max_length=128,
        description="With `partial`: the first layer that learns.",
        examples=["layer3"],
    )
    weights: str | None = Field(
        None,
        max_length=160,
        description="`imagenet`, the name of a weights entry, `none`, or a reference to a model "
        "of this service (`name`, `name@alias`, `name:3`) to go on from.",
        examples=["imagenet"],
    )
    preset: Preset = Field("recommended", description="Where left-out fields come from.")
    epochs: int | None = Field(None, ge=1, le=10_000, description="Passes over the data.")
    batch_size: int | None = Field(None, ge=1, le=4096, description="Images a step.")
    input_size: int | None = Field(
        None, ge=16, le=1024, description="Pixels; the architecture may ask for more."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Fixes everything that is left to chance.")
    num_threads: int | None = Field(
        None, ge=1, le=256, description="CPU threads; part of what makes a run repeatable."
    )
    optimizer: OptimizerRequest | None = None
    scheduler: SchedulerRequest | None = Field(None, description="null: a constant rate.")
    augmentation: AugmentationRequest | None = Field(None, description="null: none.")
    early_stopping: EarlyStopping | None = Field(None, description="null: train every epoch.")
    model_name: Name | None = Field(None, description="Left out: the dataset's name.")
    metadata: Metadata = Field(default_factory=dict)

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "dataset_id": "ds_01k0w1rhzekvcw9wykj3fymg",
                    "architecture": "squeezenet1_0",
                    "strategy": "feature_extract",
                }
            ]
        },
    )


class JobConfig(Recipe):
    """Everything that decides what is learned, every field resolved."""

    dataset_id: str
    model_name: str

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Progress(ApiModel):
    """How far the job is; epoch 0 before the start."""

    epoch: int = 0
    epochs: int
    step: int = Field(0, description="Batches done within the epoch, validation included.")
    steps: int = 0
    images_per_second: float | None = None
    eta_seconds: float | None = None


class Best(ApiModel):
    """The epoch with the highest validation accuracy so far."""

    epoch: int
    val_accuracy: float = Field(description="0 to 1.")
    val_loss: float


class JobError(ApiModel):
    """Why the job failed."""

    code: str = Field(examples=["DIVERGED"])
    message: str


class RegisteredModel(ApiModel):
    """The version that the job's best checkpoint became."""

    name: str
    version: int


class JobView(ApiModel):
    """A training job."""

    id: str = Field(examples=["job_01k0w1rhzemcbybsywa1w8p9"])
    status: Status
    is_terminal: bool = Field(description="Whether the status is final (unless resumed).")
    dataset_id: str
    config: JobConfig
    attempts: int = Field(description="How often a worker has begun it; drained ones not counted.")
    resolved: dict[str, Any] | None = Field(description="What was found out at the start.")
    progress: Progress
    best: Best | None
    error: JobError | None
    model: RegisteredModel | None
    environment: dict[str, Any] | None = Field(description="What it takes to reproduce the run.")
    metadata: dict[str, str]
    created_at: UtcTime
    started_at: UtcTime | None
    finished_at: UtcTime | None


class EpochRow(ApiModel):
    """The metrics of one epoch."""

    epoch: int = Field(description="From 1.")
    train_loss: float
    train_accuracy: float = Field(description="0 to 1.")
    val_loss: float
    val_accuracy: float = Field(description="0 to 1.")
    learning_rate: float | None = Field(description="At the end of the epoch.")
    seconds: float
    images_per_second: float
    is_best: bool


class History(ApiModel):
    """Every finished epoch of a job, in order."""

    job_id: str
    data: list[EpochRow]


class EventView(ApiModel):
    """Something that happened to a job."""

    event_number: int = Field(description="From 1 within the job, without gaps.")
    type: str = Field(examples=["epoch"])
    payload: dict[str, Any]
    created_at: UtcTime


class CheckpointView(ApiModel):
    """A checkpoint that is kept."""

    kind: CheckpointKind = Field(
        description="`resume`: to go on from; `best`: the best epoch so far; `model`: registered."
    )
    epoch: int
    num_bytes: int


class Checkpoints(ApiModel):
    """The checkpoints of a job."""

    job_id: str
    data: list[CheckpointView]


class MemoryEstimate(ApiModel):
    """Bytes that are certain before the first batch; activations come on top."""

    parameter_bytes: int
    gradient_bytes: int
    optimizer_bytes: int


class ValidationProblem(ApiModel):
    """Why POST /jobs would refuse."""

    code: str
    message: str
    loc: list[str | int] | None = None
    allowed: list[str] | None = None


class Validation(ApiModel):
    """What POST /jobs would do."""

    is_valid: bool
    config: JobConfig | None = Field(description="Null where problems leave it undecided.")
    num_parameters: int | None
    num_trainable_parameters: int | None
    memory: MemoryEstimate | None
    estimated_seconds: float | None = Field(
        description="From epochs measured here on the same architecture, strategy and input size; "
        "null where there are none."
    )
    problems: list[ValidationProblem]
