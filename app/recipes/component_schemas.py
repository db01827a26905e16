"""Schemas of a job request's changes to the preset's optimizer, schedule and augmentation."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _ComponentChanges(BaseModel):
    """Some fields of a component; the preset or the component's defaults give the others."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class OptimizerRequest(_ComponentChanges):
    """Changes to the preset's optimizer; another `name` starts from that optimizer's defaults."""

    name: Literal["sgd", "rmsprop", "adamw", "lbfgs"] | None = Field(
        None,
        description="Name of the optimizer; left out: the preset's. `lbfgs` needs a frozen "
        "backbone.",
        examples=["sgd"],
    )
    learning_rate: float | None = Field(
        None, gt=0, le=100, description="Learning rate; not for lbfgs.", examples=[0.001]
    )
    momentum: float | None = Field(
        None, ge=0, lt=1, description="Momentum; for sgd and rmsprop.", examples=[0.9]
    )
    weight_decay: float | None = Field(
        None, ge=0, le=10, description="L2 penalty on the weights; not for lbfgs.", examples=[0.0]
    )
    l2_strengths: list[Annotated[float, Field(gt=0, le=1e6)]] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="L2 penalties to try; for lbfgs.",
        examples=[[1.0, 0.1, 0.01]],
    )
    folds: int | None = Field(
        None, ge=2, le=20, description="Folds of the cross-validation; for lbfgs.", examples=[5]
    )


class SchedulerRequest(_ComponentChanges):
    """Changes to the preset's learning-rate schedule."""

    name: Literal["constant", "step", "cosine"] | None = Field(
        None, description="Name of the schedule; left out: the preset's.", examples=["step"]
    )
    step_size: int | None = Field(
        None, ge=1, le=10_000, description="Epochs between two steps; for step.", examples=[7]
    )
    gamma: float | None = Field(
        None, gt=0, le=1, description="Factor at each step; for step.", examples=[0.1]
    )
    warmup_epochs: float | None = Field(
        None,
        ge=0,
        le=1000,
        description="Epochs of linear warm-up, at most half of all steps; for cosine.",
        examples=[1.0],
    )


class AugmentationRequest(_ComponentChanges):
    """Changes to the preset's augmentation."""

    name: Literal["tutorial", "trivial", "rand", "none"] | None = Field(
        None, description="Name of the augmentation; left out: the preset's.", examples=["tutorial"]
    )
    min_scale: float | None = Field(
        None, gt=0, le=1, description="Smallest crop, as a share of the area.", examples=[0.08]
    )
    num_operations: int | None = Field(
        None, ge=1, le=8, description="Operations per image; for rand.", examples=[2]
    )
    magnitude: int | None = Field(
        None, ge=0, le=30, description="Strength of the operations; for rand.", examples=[9]
    )
