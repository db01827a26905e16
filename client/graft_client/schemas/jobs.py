"""Jobs with their progress, epochs, events and stored files."""

from datetime import datetime
from typing import Any, Literal

from graft_client.schemas.base import ErrorReason, Schema
from graft_client.schemas.models import VersionName

JobStatus = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]


class Progress(Schema):
    """The progress of a job: the current epoch, and its finished batches.

    epoch is 0 before the start; epochs is None while that is `auto`.
    """

    stage: str = "training"
    epoch: int
    epochs: int | None
    step: int
    steps: int
    images_per_second: float | None = None
    eta_seconds: float | None = None
    budget_used_seconds: float | None = None


class BestEpoch(Schema):
    """The epoch whose model is registered; accuracies are 0-1.

    Epoch 0 is the solved head that the training began with, if no epoch is better.
    """

    epoch: int
    val_accuracy: float
    val_balanced_accuracy: float | None = None
    val_loss: float


class HeadStart(Schema):
    """The solved head that the training began with; accuracies are 0-1."""

    l2_strength: float
    cv_accuracy: float | None
    val_accuracy: float | None
    val_balanced_accuracy: float | None = None
    val_loss: float | None


class BalanceFigures(Schema):
    """Cross-validated accuracies of a solved head on the training images, 0-1."""

    cv_accuracy: float
    cv_balanced_accuracy: float


class ResolvedClassBalance(Schema):
    """What `class_balance: auto` decided; imbalance is the largest class divided by the smallest.

    The figures are None where the classes have nearly the same size.
    """

    chosen: Literal["none", "loss"]
    imbalance: float
    without_weights: BalanceFigures | None
    with_weights: BalanceFigures | None


class Resolved(Schema):
    """What was decided at the start of a job, such as values that were `auto`."""

    device: str | None
    num_parameters: int | None
    num_trainable_parameters: int | None
    num_train_images: int | None
    num_val_images: int | None
    steps_per_epoch: int | None
    precision: str | None
    images_cached: bool | None
    images_on: str | None
    num_processes: int | None
    head_start: HeadStart | None
    class_balance: ResolvedClassBalance | None = None
    frozen_engine: str | None = None
    config: dict[str, Any] | None
    advice: dict[str, Any] | None


class JobFields(Schema):
    """The fields of a training job."""

    id: str
    status: JobStatus
    is_terminal: bool
    dataset_id: str
    study_id: str | None
    trial: int | None
    config: dict[str, Any]
    attempts: int
    resolved: Resolved | None
    progress: Progress
    best: BestEpoch | None
    error: ErrorReason | None
    model: VersionName | None
    environment: dict[str, Any] | None
    metadata: dict[str, str]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def l2_strengths(self) -> list[float]:
        """The L2 strengths that the rows of the history stand for with `lbfgs`, else empty."""
        optimizer = self.config.get("optimizer")
        return optimizer.get("l2_strengths", []) if isinstance(optimizer, dict) else []

    def __repr__(self) -> str:
        config = self.config
        recipe = f"{config.get('strategy')} {config.get('architecture')}"
        parts = [f"{self.id} '{config.get('model_name')}' {self.status}: {recipe}"]
        if self.status in {"running", "cancelling"}:
            parts.append(f"epoch {self.progress.epoch} of {self.progress.epochs or 'auto'}")
        if self.best is not None:
            parts.append(f"best val_accuracy {self.best.val_accuracy:.3f}")
        if self.model is not None:
            parts.append(f"model {self.model.reference}")
        if self.error is not None:
            parts.append(self.error.code)
        return f"<{type(self).__name__} {', '.join(parts)}>"

    __str__ = __repr__


class Epoch(Schema):
    """One row of a job's history; accuracies are 0-1, losses in nats per image.

    With `lbfgs`, epoch is the position of the row's L2 strength in `optimizer.l2_strengths`.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_balanced_accuracy: float | None = None
    learning_rate: float | None
    seconds: float
    images_per_second: float
    is_best: bool


class JobEvent(Schema):
    """An event of a job, numbered from 1 without gaps."""

    event_number: int
    type: str
    payload: dict[str, Any]
    created_at: datetime


class Checkpoint(Schema):
    """A stored file of a job."""

    kind: Literal["resume", "best", "model"]
    epoch: int
    num_bytes: int


class ImagePrediction(Schema):
    """The prediction of a job's best model for one image; probabilities are 0-1."""

    image_id: int
    path: str
    label: str
    predicted: str
    probability: float
    probability_of_label: float
    thumbnail_url: str | None = None


class Disagreement(Schema):
    """An image that one of two compared jobs or both got wrong, and what each predicted."""

    image_id: int
    path: str
    label: str
    outcome: Literal["only_this_right", "only_other_right", "both_wrong"]
    predicted: str
    probability: float
    other_predicted: str
    other_probability: float
    thumbnail_url: str | None


class PairedTest(Schema):
    """The comparison of two models on the same images (McNemar's exact test).

    difference is this model's accuracy minus the other's, with its 95 % interval.
    """

    num_images: int
    both_right: int
    only_this_right: int
    only_other_right: int
    both_wrong: int
    accuracy: float
    other_accuracy: float
    difference: float
    difference_interval: tuple[float, float]
    p_value: float
