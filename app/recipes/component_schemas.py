"""The parts of a job request: what to change about a preset's optimizer, schedule, augmentation."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _ComponentChanges(BaseModel):
    """Some fields of a part; the preset or the part's own defaults give the rest."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class OptimizerRequest(_ComponentChanges):
    """What to change about the preset's optimizer; another name starts from its own defaults."""

    name: Literal["sgd", "rmsprop", "adamw", "lbfgs"] | None = Field(
        None,
        description="Which optimizer; left out: the preset's. `lbfgs` is for frozen trunks.",
        examples=["sgd"],
    )
    learning_rate: float | None = Field(
        None, gt=0, le=100, description="Step size.", examples=[0.001]
    )
    momentum: float | None = Field(
        None, ge=0, lt=1, description="Share of the last step kept; sgd, rmsprop.", examples=[0.9]
    )
    weight_decay: float | None = Field(
        None, ge=0, le=10, description="Penalty on large weights.", examples=[0.0]
    )
    l2_strengths: list[Annotated[float, Field(gt=0, le=1e6)]] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="L2 penalties that are tried; lbfgs.",
        examples=[[1.0, 0.1, 0.01]],
    )
    folds: int | None = Field(
        None, ge=2, le=20, description="Parts of the cross-validation; lbfgs.", examples=[5]
    )


class SchedulerRequest(_ComponentChanges):
    """What to change about the preset's learning-rate schedule."""

    name: Literal["constant", "step", "cosine"] | None = Field(
        None, description="Which schedule; left out: the preset's.", examples=["step"]
    )
    step_size: int | None = Field(
        None, ge=1, le=10_000, description="Epochs between two steps; step.", examples=[7]
    )
    gamma: float | None = Field(
        None, gt=0, le=1, description="Factor of each step; step.", examples=[0.1]
    )
    warmup_epochs: float | None = Field(
        None,
        ge=0,
        le=1000,
        description="Epochs of linear warm-up, at most half of all steps; cosine.",
        examples=[1.0],
    )


class AugmentationRequest(_ComponentChanges):
    """What to change about the preset's augmentation."""

    name: Literal["tutorial", "trivial", "rand", "none"] | None = Field(
        None, description="Which augmentation; left out: the preset's.", examples=["tutorial"]
    )
    min_scale: float | None = Field(
        None, gt=0, le=1, description="Smallest share of the area cropped.", examples=[0.08]
    )
    num_operations: int | None = Field(
        None, ge=1, le=8, description="Operations on each image; rand.", examples=[2]
    )
    magnitude: int | None = Field(
        None, ge=0, le=30, description="Their strength, of 30; rand.", examples=[9]
    )
