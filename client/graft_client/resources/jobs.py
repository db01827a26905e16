"""Jobs and what they learned."""

from datetime import datetime
from typing import Any, Literal

from graft_client.resources.base import ErrorReason, Resource
from graft_client.resources.models import ModelVersion

JobStatus = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]


class Progress(Resource):
    """How far a job is: the epoch at work, and the batches done within it.

    epochs is null while that is `auto`.
    """

    epoch: int
    epochs: int | None
    step: int
    steps: int
    images_per_second: float | None = None
    eta_seconds: float | None = None


class BestEpoch(Resource):
    """The epoch that the model is taken from; val_accuracy is 0-1.

    Epoch 0 is the solved head that the training began with, where no epoch beats it.
    """

    epoch: int
    val_accuracy: float
    val_loss: float


class Job(Resource):
    """A training job."""

    id: str
    status: JobStatus
    is_terminal: bool
    dataset_id: str
    config: dict[str, Any]
    attempts: int
    progress: Progress
    best: BestEpoch | None
    error: ErrorReason | None
    model: ModelVersion | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Epoch(Resource):
    """One row of a job's history; accuracies are 0-1, losses in nats an image.

    With `lbfgs`, epoch is the position of the row's L2 strength in `optimizer.l2_strengths`.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float | None
    seconds: float
    images_per_second: float
    is_best: bool


class JobEvent(Resource):
    """Something that happened to a job, numbered from 1 without gaps."""

    event_number: int
    type: str
    payload: dict[str, Any]
