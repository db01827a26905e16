"""Response schemas of a job's history and events."""

from typing import Any

from pydantic import Field

from app.recipes.schemas import JOB_ID
from app.web.schemas import ApiModel, UtcTime


class EpochRow(ApiModel):
    """The metrics of one epoch, or with `lbfgs` of one L2 strength.

    Losses are the mean cross-entropy over the images.
    """

    epoch: int = Field(
        description="From 1; with `lbfgs` the position in `optimizer.l2_strengths`.", examples=[1]
    )
    train_loss: float = Field(
        description="Loss over the augmented training images.", examples=[0.52]
    )
    train_accuracy: float = Field(description="Training accuracy, 0 to 1.", examples=[0.78])
    val_loss: float = Field(description="Loss over the validation images.", examples=[0.31])
    val_accuracy: float = Field(description="Validation accuracy, 0 to 1.", examples=[0.91])
    val_balanced_accuracy: float | None = Field(
        description="Balanced validation accuracy, 0 to 1: the mean recall over the classes with "
        "validation images. Null for epochs of earlier versions.",
        examples=[0.9],
    )
    learning_rate: float | None = Field(
        description="Learning rate of the epoch's last step; null with `lbfgs`.", examples=[0.001]
    )
    seconds: float = Field(
        description="Duration of training and validation together.", examples=[7.4]
    )
    images_per_second: float = Field(
        description="Throughput of training and validation together.", examples=[53.6]
    )
    is_best: bool = Field(
        description="Whether it is the epoch with the highest validation accuracy and, of several "
        "such epochs, the lowest validation loss. Always false while the solved head that the "
        "training began with is better. With `lbfgs`: "
        "whether it has the lowest cross-validated loss on the training images.",
        examples=[True],
    )


class History(ApiModel):
    """The finished epochs of a job, in order."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    num_epochs: int = Field(
        description="Number of finished epochs, those left out by `points` included.", examples=[15]
    )
    data: list[EpochRow] = Field(
        description="One row for each finished epoch; with `points` some of them."
    )


class EventView(ApiModel):
    """An event of a job."""

    event_number: int = Field(
        description="Number within the job, from 1 without gaps.", examples=[4]
    )
    type: str = Field(
        description="queued, running, started, epoch, requeued, resumed, stop_requested, "
        "pruned, cancelling, cancelled, succeeded or failed.",
        examples=["epoch"],
    )
    payload: dict[str, Any] = Field(
        description="The event's fields.", examples=[{"epoch": 1, "val_accuracy": 0.91}]
    )
    created_at: UtcTime = Field(description="Time of the event.")
