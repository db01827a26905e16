"""Schemas of a portfolio: what a job with a time budget tried, expected, and decided."""

from typing import Literal

from pydantic import Field

from app.advice.schemas import Proportion, ProportionDifference
from app.recipes.schemas import JOB_ID
from app.web.schemas import ApiModel

CandidateState = Literal["running", "tried", "skipped"]
StopReason = Literal[
    "budget_used", "all_tried", "fine_tuning_would_not_pay", "accurate_enough", "stopped"
]

Seconds = float


class PortfolioCandidate(ApiModel):
    """A backbone that was considered: its frozen features with a solved head."""

    architecture: str = Field(description="Its architecture.", examples=["squeezenet1_0"])
    state: CandidateState = Field(
        description="`running`: its features are being computed; `tried`: its head is "
        "cross-validated; `skipped`: `reason` says why."
    )
    reason: str = Field(
        description="Why it was chosen or skipped, in a sentence; empty while it runs.",
        examples=["It would have needed 41 s, and 22 s of the budget were left for candidates."],
    )
    imagenet_accuracy: float | None = Field(
        description="ImageNet accuracy of its weights, 0 to 1.", examples=[0.58092]
    )
    expected_accuracy: float | None = Field(
        description="Cross-validated accuracy that was expected from its ImageNet accuracy and "
        "from the candidates before it; null for the first.",
        examples=[None],
    )
    expected_seconds: Seconds | None = Field(
        description="Seconds that it was expected to need: from a few images, or from its "
        "multiply-adds if it was skipped before its weights were loaded.",
        examples=[6.4],
    )
    started_at_seconds: Seconds | None = Field(
        description="Seconds of the budget that were used when it began.", examples=[1.2]
    )
    used_seconds: Seconds | None = Field(description="Seconds that it took.", examples=[6.9])
    accuracy: Proportion | None = Field(
        description="Cross-validated accuracy of its best head, on training images that the head "
        "was not fitted to; each class counts as often as it is among the validation images."
    )
    l2_strength: float | None = Field(
        description="L2 strength with the lowest cross-validated loss.", examples=[0.1]
    )


class LearningCurvePoint(ApiModel):
    """The best candidate's head, solved and cross-validated on some of the training images."""

    num_images: int = Field(description="Number of training images.", examples=[122])
    accuracy: Proportion = Field(description="Cross-validated accuracy.")


class FineTuningTrial(ApiModel):
    """A fine-tuning of a candidate that is compared with its head on held-out training images."""

    architecture: str | None = Field(
        None,
        description="The architecture that was fine-tuned; null for jobs of earlier versions.",
        examples=["squeezenet1_0"],
    )
    epochs: int = Field(description="Epochs of the trial.", examples=[1])
    num_train_images: int = Field(description="Images that it was trained on.", examples=[195])
    num_held_out_images: int = Field(
        description="Images that both models were compared on.", examples=[49]
    )
    head_accuracy: float = Field(
        ge=0, le=1, description="Accuracy of the solved head on them.", examples=[0.918]
    )
    accuracy: float = Field(
        ge=0, le=1, description="Accuracy after the fine-tuning.", examples=[0.939]
    )
    gain: ProportionDifference = Field(description="Accuracy minus that of the solved head.")
    started_at_seconds: Seconds = Field(
        description="Seconds of the budget that were used when it began.", examples=[18.2]
    )
    used_seconds: Seconds = Field(description="Seconds that it took.", examples=[9.1])


class FineTuning(ApiModel):
    """The fine-tuning of the best candidate in the rest of the budget."""

    epochs: int = Field(
        description="Planned epochs; the learning rate falls to zero in the last.", examples=[3]
    )
    expected_seconds: Seconds = Field(description="Expected seconds.", examples=[26.0])
    expected_accuracy: Proportion | None = Field(
        description="Expected accuracy: that of the head and the gain of the trial, with both "
        "intervals; null without a trial."
    )
    started_at_seconds: Seconds = Field(
        description="Seconds of the budget that were used when it began.", examples=[28.3]
    )
    used_seconds: Seconds | None = Field(
        None, description="Seconds that it took; null until it has ended.", examples=[24.8]
    )
    best_epoch: int | None = Field(
        None,
        description="The registered epoch; 0: no epoch was better than the solved head, which was "
        "kept. Null until it has ended.",
        examples=[3],
    )
    accuracy: Proportion | None = Field(
        None, description="Validation accuracy of the registered model; null until it has ended."
    )


class Portfolio(ApiModel):
    """What a job with a time budget has tried, what it expected, and why it stopped."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    time_budget_seconds: Seconds = Field(description="The job's time budget.", examples=[60.0])
    used_seconds: Seconds = Field(
        0.0, description="Seconds of the budget that are used, in all attempts.", examples=[55.1]
    )
    reserved_seconds: Seconds | None = Field(
        None,
        description="Seconds reserved for evaluation, calibration and storing; null before the "
        "first measurement.",
        examples=[4.2],
    )
    candidates: list[PortfolioCandidate] = Field(
        default_factory=list, description="The considered backbones, in order.", examples=[[]]
    )
    num_without_weights: int = Field(
        0,
        description="Architectures that were not considered, because their weights are neither "
        "on the worker's machine nor downloadable.",
        examples=[80],
    )
    chosen: str | None = Field(
        None,
        description="The best candidate so far: that of the best head, and after trials of several "
        "candidates that of the best trial.",
        examples=["squeezenet1_0"],
    )
    learning_curve: list[LearningCurvePoint] = Field(
        default_factory=list,
        description="Accuracies of the chosen candidate's head by the number of images.",
        examples=[[]],
    )
    trial: FineTuningTrial | None = Field(
        None, description="The trial of the chosen candidate; null if there was none."
    )
    other_trials: list[FineTuningTrial] = Field(
        default_factory=list,
        description="Trials of other candidates on the same held-out images, which are run in time "
        "that the longest training would not use.",
        examples=[[]],
    )
    fine_tuning: FineTuning | None = Field(
        None, description="The fine-tuning; null if only a head was solved for."
    )
    expected_accuracy: Proportion | None = Field(
        None,
        description="Validation accuracy that is expected of the model: that of the "
        "cross-validated head, extrapolated along its learning curve to all training images, and "
        "the gain of the trial. Null before the decision.",
    )
    stop_reason: StopReason | None = Field(
        None, description="Why the search stopped; null while it runs."
    )
    explanation: str = Field(
        "",
        description="What was decided and why, in plain sentences; empty before the decision.",
        examples=[
            (
                "squeezenet1_0 was the best of 2 candidates (0.930). Fine-tuning gained 2.0 "
                "points in a trial, so 3 epochs filled the rest of the budget."
            )
        ],
    )
