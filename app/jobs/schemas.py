"""A job on the wire."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.jobs.states import Status
from app.recipes.schemas import DATASET_ID, JOB_ID, JobConfig
from app.web.schemas import ApiModel, UtcTime

CheckpointKind = Literal["resume", "best", "model"]


class ResolvedHeadStart(ApiModel):
    """The solved head that the training began with."""

    l2_strength: float = Field(
        description="The L2 strength with the lowest cross-validated loss.", examples=[0.1]
    )
    cv_accuracy: float | None = Field(
        description="Cross-validated accuracy on the training images, 0 to 1; null where no class "
        "has two training images.",
        examples=[0.93],
    )
    val_accuracy: float | None = Field(
        None, description="Validation accuracy before the first epoch, 0 to 1.", examples=[0.94]
    )
    val_loss: float | None = Field(
        None, description="Validation loss before the first epoch.", examples=[0.2]
    )


class ResolvedTraining(ApiModel):
    """What the training process found at its start."""

    device: str | None = Field(None, description="`cpu` or `cuda`.", examples=["cpu"])
    num_parameters: int | None = Field(None, description="Of the model.", examples=[736_450])
    num_trainable_parameters: int | None = Field(
        None, description="Parameters that the strategy trains.", examples=[1026]
    )
    num_train_images: int | None = Field(None, description="Training images.", examples=[244])
    num_val_images: int | None = Field(None, description="Validation images.", examples=[153])
    steps_per_epoch: int | None = Field(
        None, description="Training batches of an epoch.", examples=[31]
    )
    precision: Literal["fp32", "bf16", "fp16"] | None = Field(
        None, description="The precision that was chosen.", examples=["fp32"]
    )
    images_cached: bool | None = Field(
        None,
        description="Whether the decoded images are cached; null where each is read only once.",
        examples=[True],
    )
    images_on: Literal["device", "host"] | None = Field(
        None, description="Where the training images are kept.", examples=["host"]
    )
    num_processes: int | None = Field(
        None, description="Processes that share each batch.", examples=[1]
    )
    head_start: ResolvedHeadStart | None = Field(
        None,
        description="The solved head that the training began with; null where it began with a "
        "random one.",
        examples=[None],
    )


class Resolved(ResolvedTraining):
    """What was decided and found at the start of a job; null is what is not known (yet)."""

    model_config = ConfigDict(extra="ignore")

    config: JobConfig | None = Field(
        None,
        description="The configuration with every `auto` decided; null where nothing was `auto`.",
        examples=[None],
    )
    advice: dict[str, Any] | None = Field(
        None, description="The advice by which `auto` was decided.", examples=[None]
    )


class Progress(ApiModel):
    """How far the job is."""

    stage: str = Field(
        "queued", description="What is being done.", examples=["training", "decoding images"]
    )
    epoch: int = Field(0, description="The epoch it is in; 0 before the start.")
    epochs: int | None = Field(
        description="How many there will be at most; null while that is `auto`.", examples=[15]
    )
    step: int = Field(
        0,
        description="Batches done within the epoch, validation included; before the first: "
        "images prepared.",
    )
    steps: int = Field(0, description="Batches of an epoch; before the first: images to prepare.")
    images_per_second: float | None = Field(
        None, description="Training and validation together.", examples=[41.5]
    )
    eta_seconds: float | None = Field(
        None, description="Seconds to the end of the last epoch.", examples=[73.0]
    )


class Best(ApiModel):
    """The epoch with the highest validation accuracy so far.

    With `lbfgs`: the L2 strength with the lowest cross-validated loss so far.
    """

    epoch: int = Field(
        description="From 1; 0 while no epoch has a higher validation accuracy than the solved "
        "head that the training began with.",
        examples=[7],
    )
    val_accuracy: float = Field(description="0 to 1.", examples=[0.935])
    val_loss: float = Field(description="Mean cross-entropy an image.", examples=[0.21])


class JobError(ApiModel):
    """Why the job failed."""

    code: str = Field(description="Stable, for programs.", examples=["DIVERGED"])
    message: str = Field(
        description="What happened and what to do.",
        examples=[
            "The loss was no longer a finite number in epoch 2. Try a smaller learning rate."
        ],
    )


class RegisteredModel(ApiModel):
    """The version that the job's best checkpoint became."""

    name: str = Field(description="The model.", examples=["ants-and-bees"])
    version: int = Field(description="From 1.", examples=[3])


class JobView(ApiModel):
    """A training job."""

    id: str = Field(description="Sorts by time of creation.", examples=[JOB_ID])
    status: Status = Field(description="Where it is between queue and end.")
    is_terminal: bool = Field(
        description="Whether the status is final (unless resumed).", examples=[False]
    )
    dataset_id: str = Field(description="What is learned from.", examples=[DATASET_ID])
    study_id: str | None = Field(
        description="The study it is a run of, if it is one.", examples=[None]
    )
    trial: int | None = Field(
        description="Which configuration of that study it runs, from 1.", examples=[None]
    )
    config: JobConfig
    attempts: int = Field(
        description="How often a worker has begun it; drained ones not counted.", examples=[1]
    )
    resolved: Resolved | None = Field(
        description="What was decided and found at the start.",
        examples=[{"device": "cpu", "num_trainable_parameters": 1026}],
    )
    progress: Progress
    best: Best | None = Field(
        description="The best epoch so far, whose model is registered.",
        examples=[{"epoch": 7, "val_accuracy": 0.935, "val_loss": 0.21}],
    )
    error: JobError | None = Field(description="Why it failed.", examples=[None])
    model: RegisteredModel | None = Field(
        description="What became of it.", examples=[{"name": "ants-and-bees", "version": 3}]
    )
    environment: dict[str, Any] | None = Field(
        description="What it takes to reproduce the run.",
        examples=[{"device": "cpu", "num_threads": 2, "seed": 0}],
    )
    metadata: dict[str, str] = Field(description="Your own pairs.", examples=[{"team": "ants"}])
    created_at: UtcTime = Field(description="When it was posted.")
    started_at: UtcTime | None = Field(description="When a worker first began it.")
    finished_at: UtcTime | None = Field(description="When it ended.")


class CheckpointView(ApiModel):
    """A checkpoint that is kept."""

    kind: CheckpointKind = Field(
        description="`resume`: to go on from; `best`: the best epoch so far; `model`: registered."
    )
    epoch: int = Field(description="After which it was written.", examples=[7])
    num_bytes: int = Field(description="Its size.", examples=[2991234])


class Checkpoints(ApiModel):
    """The checkpoints of a job."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    data: list[CheckpointView] = Field(description="What is kept at this moment.")
