"""What has happened in a job, on the wire."""

from typing import Any

from pydantic import Field

from app.recipes.schemas import JOB_ID
from app.web.schemas import ApiModel, UtcTime


class EpochRow(ApiModel):
    """The metrics of one epoch; losses are mean cross-entropies an image."""

    epoch: int = Field(description="From 1.", examples=[1])
    train_loss: float = Field(description="Over the augmented training images.", examples=[0.52])
    train_accuracy: float = Field(description="0 to 1.", examples=[0.78])
    val_loss: float = Field(description="Over the validation images.", examples=[0.31])
    val_accuracy: float = Field(description="0 to 1.", examples=[0.91])
    learning_rate: float | None = Field(
        description="That of the epoch's last step.", examples=[0.001]
    )
    seconds: float = Field(description="Training and validation together.", examples=[7.4])
    images_per_second: float = Field(
        description="Training and validation together.", examples=[53.6]
    )
    is_best: bool = Field(
        description="Whether it is the first with the highest validation accuracy.",
        examples=[True],
    )


class History(ApiModel):
    """Every finished epoch of a job, in order."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    data: list[EpochRow] = Field(description="Each epoch once, never thinned.")


class EventView(ApiModel):
    """Something that happened to a job."""

    event_number: int = Field(description="From 1 within the job, without gaps.", examples=[4])
    type: str = Field(
        description="queued, running, started, epoch, requeued, resumed, stop_requested, "
        "pruned, cancelling, cancelled, succeeded or failed.",
        examples=["epoch"],
    )
    payload: dict[str, Any] = Field(
        description="What belongs to it.", examples=[{"epoch": 1, "val_accuracy": 0.91}]
    )
    created_at: UtcTime = Field(description="When it happened.")
