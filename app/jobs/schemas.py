"""Response schemas of jobs and their checkpoints."""

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
    val_balanced_accuracy: float | None = Field(
        None,
        description="Balanced validation accuracy before the first epoch, 0 to 1.",
        examples=[0.93],
    )
    val_loss: float | None = Field(
        None, description="Validation loss before the first epoch.", examples=[0.2]
    )


class BalanceFigures(ApiModel):
    """Cross-validated accuracies of a solved head on the training images, 0 to 1."""

    cv_accuracy: float = Field(description="Share of the images that are right.", examples=[0.91])
    cv_balanced_accuracy: float = Field(
        description="Mean over the classes of the share of their images that are right.",
        examples=[0.84],
    )


class ResolvedClassBalance(ApiModel):
    """What `class_balance: auto` decided, and what it was decided by."""

    chosen: Literal["none", "loss"] = Field(
        description="`loss`: rare classes weigh as much as frequent ones in the loss, because that "
        "gives more balanced accuracy. `none`: all images count the same.",
        examples=["loss"],
    )
    imbalance: float = Field(
        description="Size of the largest class divided by that of the smallest.", examples=[12.5]
    )
    without_weights: BalanceFigures | None = Field(
        None,
        description="A head that counts all images the same; null where the classes have nearly "
        "the same size, or too few images to compare.",
    )
    with_weights: BalanceFigures | None = Field(
        None, description="A head whose loss weighs all classes the same; null like the other."
    )


class ResolvedTraining(ApiModel):
    """Values that the training process determined at its start."""

    device: str | None = Field(None, description="`cpu` or `cuda`.", examples=["cpu"])
    num_parameters: int | None = Field(
        None, description="Parameters of the model.", examples=[736_450]
    )
    num_trainable_parameters: int | None = Field(
        None, description="Parameters that the strategy trains.", examples=[1026]
    )
    num_train_images: int | None = Field(None, description="Training images.", examples=[244])
    num_val_images: int | None = Field(None, description="Validation images.", examples=[153])
    steps_per_epoch: int | None = Field(
        None, description="Training batches per epoch.", examples=[31]
    )
    precision: Literal["fp32", "bf16", "fp16"] | None = Field(
        None, description="The precision that was chosen.", examples=["fp32"]
    )
    images_cached: bool | None = Field(
        None,
        description="Whether the decoded images are cached; null if each image is read only once.",
        examples=[True],
    )
    images_on: Literal["device", "host"] | None = Field(
        None, description="Memory that holds the training images.", examples=["host"]
    )
    num_processes: int | None = Field(
        None, description="Processes that share each batch.", examples=[1]
    )
    head_start: ResolvedHeadStart | None = Field(
        None,
        description="The solved head that the training began with; null if it began with a random "
        "head.",
        examples=[None],
    )
    class_balance: ResolvedClassBalance | None = Field(
        None,
        description="What `class_balance: auto` decided; null with any other value.",
        examples=[None],
    )
    frozen_engine: Literal["torch", "openvino"] | None = Field(
        None,
        description="Engine that ran the frozen layers; null if none ran only once for each image.",
        examples=["torch"],
    )


class Resolved(ResolvedTraining):
    """Values that were decided at the start of a job; null while they are unknown."""

    model_config = ConfigDict(extra="ignore")

    config: JobConfig | None = Field(
        None,
        description="The configuration with every `auto` decided; null if nothing was `auto`.",
        examples=[None],
    )
    advice: dict[str, Any] | None = Field(
        None, description="The advice that decided the `auto` values.", examples=[None]
    )


class Progress(ApiModel):
    """Progress of a job."""

    stage: str = Field(
        "queued", description="Current stage.", examples=["training", "decoding images"]
    )
    epoch: int = Field(0, description="Current epoch; 0 before the start.")
    epochs: int | None = Field(
        description="Largest number of epochs; null while that is `auto`.", examples=[15]
    )
    step: int = Field(
        0,
        description="Finished batches of the epoch, validation included; before the first epoch: "
        "prepared images.",
    )
    steps: int = Field(
        0, description="Batches per epoch; before the first epoch: images to prepare."
    )
    images_per_second: float | None = Field(
        None, description="Throughput of training and validation together.", examples=[41.5]
    )
    eta_seconds: float | None = Field(
        None, description="Estimated seconds to the end of the last epoch.", examples=[73.0]
    )
    budget_used_seconds: float | None = Field(
        None,
        description="Seconds of the time budget that are used; null without a budget.",
        examples=[None],
    )


class Best(ApiModel):
    """The epoch with the highest validation accuracy so far; of equals, with the lowest loss.

    With `lbfgs`: the L2 strength with the lowest cross-validated loss so far.
    """

    epoch: int = Field(
        description="From 1; 0 while no epoch is better than the solved head that the training "
        "began with.",
        examples=[7],
    )
    val_accuracy: float = Field(description="Validation accuracy, 0 to 1.", examples=[0.935])
    val_balanced_accuracy: float | None = Field(
        description="Balanced validation accuracy, 0 to 1: the mean recall over the classes with "
        "validation images. Null for epochs of earlier versions.",
        examples=[0.931],
    )
    val_loss: float = Field(
        description="Validation loss: mean cross-entropy per image.", examples=[0.21]
    )


class JobError(ApiModel):
    """The reason why a job failed."""

    code: str = Field(description="Stable error code.", examples=["DIVERGED"])
    message: str = Field(
        description="What happened and what to do.",
        examples=[
            "The loss was no longer a finite number in epoch 2. Try a smaller learning rate."
        ],
    )


class RegisteredModel(ApiModel):
    """The registered model version of a job's best checkpoint."""

    name: str = Field(description="Name of the model.", examples=["ants-and-bees"])
    version: int = Field(description="Version, from 1.", examples=[3])


class JobView(ApiModel):
    """A training job."""

    id: str = Field(description="Id; ids sort by time of creation.", examples=[JOB_ID])
    status: Status = Field(description="Status.")
    is_terminal: bool = Field(
        description="Whether the status is final (unless the job is resumed).", examples=[False]
    )
    dataset_id: str = Field(description="Dataset of the job.", examples=[DATASET_ID])
    study_id: str | None = Field(
        description="Study that the job is a run of; null if there is none.", examples=[None]
    )
    trial: int | None = Field(
        description="Number of the study's configuration that the job runs, from 1.",
        examples=[None],
    )
    config: JobConfig
    attempts: int = Field(
        description="Number of times that a worker has started the job; attempts ended by a drain "
        "do not count.",
        examples=[1],
    )
    resolved: Resolved | None = Field(
        description="Values that were decided at the start.",
        examples=[{"device": "cpu", "num_trainable_parameters": 1026}],
    )
    progress: Progress
    best: Best | None = Field(
        description="The best epoch so far, whose model is registered.",
        examples=[
            {"epoch": 7, "val_accuracy": 0.935, "val_balanced_accuracy": 0.931, "val_loss": 0.21}
        ],
    )
    error: JobError | None = Field(description="Why the job failed.", examples=[None])
    model: RegisteredModel | None = Field(
        description="The registered model; null until the job has succeeded.",
        examples=[{"name": "ants-and-bees", "version": 3}],
    )
    environment: dict[str, Any] | None = Field(
        description="Versions, device and seeds that are needed to reproduce the run.",
        examples=[{"device": "cpu", "num_threads": 2, "seed": 0}],
    )
    metadata: dict[str, str] = Field(
        description="Metadata as sent with the request.", examples=[{"team": "ants"}]
    )
    created_at: UtcTime = Field(description="Time of creation.")
    started_at: UtcTime | None = Field(description="Time at which a worker first started the job.")
    finished_at: UtcTime | None = Field(description="Time at which the job ended.")


class CheckpointView(ApiModel):
    """A stored checkpoint."""

    kind: CheckpointKind = Field(
        description="`resume`: a resumed job continues from it; `best`: the best epoch so far; "
        "`model`: the registered model."
    )
    epoch: int = Field(description="Epoch after which it was written.", examples=[7])
    num_bytes: int = Field(description="Size of the file in bytes.", examples=[2991234])


class Checkpoints(ApiModel):
    """The checkpoints of a job."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    data: list[CheckpointView] = Field(description="Checkpoints that are stored now.")
