"""A job on the wire."""

from typing import Any, Literal

from pydantic import Field

from app.jobs.states import Status
from app.recipes.schemas import DATASET_ID, JOB_ID, JobConfig
from app.web.schemas import ApiModel, UtcTime

CheckpointKind = Literal["resume", "best", "model"]


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
    """The epoch with the highest validation accuracy so far."""

    epoch: int = Field(description="From 1.", examples=[7])
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
    resolved: dict[str, Any] | None = Field(
        description="What was found out at the start.",
        examples=[{"device": "cpu", "num_trainable_parameters": 1026}],
    )
    progress: Progress
    best: Best | None = Field(
        description="The best epoch so far.",
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
