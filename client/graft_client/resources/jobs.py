"""Jobs with their progress, epochs and events."""

from datetime import datetime
from typing import Any, Literal

from graft_client.resources.base import ErrorReason, Resource
from graft_client.resources.models import ModelVersion

JobStatus = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]


class Progress(Resource):
    """The progress of a job: the current epoch, and its finished batches.

    epochs is None while that is `auto`.
    """

    epoch: int
    epochs: int | None
    step: int
    steps: int
    images_per_second: float | None = None
    eta_seconds: float | None = None


class BestEpoch(Resource):
    """The epoch whose model is registered; val_accuracy is 0-1.

    Epoch 0 is the solved head that the training began with, if no epoch is better.
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
    """One row of a job's history; accuracies are 0-1, losses in nats per image.

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
    """An event of a job, numbered from 1 without gaps."""

    event_number: int
    type: str
    payload: dict[str, Any]
