"""What a job with a time budget has tried, what it expected, and why it stopped."""

from typing import Literal

from pydantic import Field

from graft_client.schemas.base import Proportion, Schema


class PortfolioCandidate(Schema):
    """A backbone that was considered; times are seconds of the budget, accuracies 0-1."""

    architecture: str
    state: Literal["running", "tried", "skipped"]
    reason: str
    imagenet_accuracy: float | None
    expected_accuracy: float | None
    expected_seconds: float | None
    started_at_seconds: float | None
    used_seconds: float | None
    accuracy: Proportion | None
    l2_strength: float | None


class LearningCurvePoint(Schema):
    """The cross-validated accuracy of the chosen candidate's head with some of the images."""

    num_images: int
    accuracy: Proportion


class FineTuningTrial(Schema):
    """A fine-tuning that is compared with the head on held-out images; accuracies are 0-1."""

    architecture: str | None = None
    epochs: int
    num_train_images: int
    num_held_out_images: int
    head_accuracy: float
    accuracy: float
    gain: Proportion
    started_at_seconds: float
    used_seconds: float


class FineTuning(Schema):
    """The fine-tuning of the best candidate; what came out is None until it has ended."""

    epochs: int
    expected_seconds: float
    expected_accuracy: Proportion | None
    started_at_seconds: float
    used_seconds: float | None
    best_epoch: int | None
    accuracy: Proportion | None


class Portfolio(Schema):
    """What a job with a time budget has tried, what it expected, and why it stopped."""

    job_id: str
    time_budget_seconds: float
    used_seconds: float
    reserved_seconds: float | None
    candidates: list[PortfolioCandidate]
    num_without_weights: int
    chosen: str | None
    learning_curve: list[LearningCurvePoint]
    trial: FineTuningTrial | None
    other_trials: list[FineTuningTrial] = Field(default_factory=list)
    fine_tuning: FineTuning | None
    expected_accuracy: Proportion | None = None
    stop_reason: str | None
    explanation: str
