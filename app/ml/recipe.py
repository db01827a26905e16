"""A training recipe: everything that decides what is learned, as validated values.

Shared by the API (a request resolves to a recipe) and the training process (which obeys it), so it
imports nothing but pydantic.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Strategy = Literal["feature_extract", "fine_tune", "partial", "scratch"]

LearningRate = Annotated[float, Field(gt=0, le=100, description="Step size of the optimizer.")]
WeightDecay = Annotated[float, Field(ge=0, le=10, description="L2 penalty on the weights.")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Sgd(_Part):
    """Stochastic gradient descent with momentum (Sutskever et al., 2013)."""

    name: Literal["sgd"] = Field("sgd", description="Which one this is.")
    learning_rate: LearningRate = 0.001
    momentum: float = Field(0.9, ge=0, lt=1, description="Share of the last step kept.")
    weight_decay: WeightDecay = 0.0


class RmsProp(_Part):
    """RMSprop (Hinton, Coursera lecture 6e, 2012)."""

    name: Literal["rmsprop"] = Field("rmsprop", description="Which one this is.")
    learning_rate: LearningRate = 0.001
    momentum: float = Field(0.0, ge=0, lt=1, description="Share of the last step kept.")
    weight_decay: WeightDecay = 0.0


class AdamW(_Part):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019)."""

    name: Literal["adamw"] = Field("adamw", description="Which one this is.")
    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.01


class ConstantSchedule(_Part):
    """The learning rate stays as it is."""

    name: Literal["constant"] = Field("constant", description="Which one this is.")


class StepSchedule(_Part):
    """Multiply the learning rate by `gamma` every `step_size` epochs."""

    name: Literal["step"] = Field("step", description="Which one this is.")
    step_size: int = Field(7, ge=1, le=10_000, description="Epochs between two steps.")
    gamma: float = Field(0.1, gt=0, le=1, description="Factor applied at each step.")


class CosineSchedule(_Part):
    """Linear warm-up, then half a cosine to zero (Loshchilov & Hutter, 2017); moved every batch."""

    name: Literal["cosine"] = Field("cosine", description="Which one this is.")
    warmup_epochs: float = Field(1.0, ge=0, le=1000, description="Epochs of linear warm-up.")


class TutorialAugmentation(_Part):
    """RandomResizedCrop from the full-size image and a horizontal flip, as the tutorials do."""

    name: Literal["tutorial"] = Field("tutorial", description="Which one this is.")
    min_scale: float = Field(0.08, gt=0, le=1, description="Smallest share of the area cropped.")


class NoAugmentation(_Part):
    """Training images are prepared exactly like validation images."""

    name: Literal["none"] = Field("none", description="Which one this is.")


class EarlyStopping(_Part):
    """Stop when validation accuracy has not improved for `patience` epochs."""

    patience: int = Field(5, ge=1, le=10_000, description="Epochs without improvement.")


Optimizer = Annotated[Sgd | RmsProp | AdamW, Field(discriminator="name")]
Scheduler = Annotated[ConstantSchedule | StepSchedule | CosineSchedule, Field(discriminator="name")]
Augmentation = Annotated[TutorialAugmentation | NoAugmentation, Field(discriminator="name")]


class Recipe(_Part):
    """The resolved configuration of a job, every field filled."""

    architecture: str = Field(description="torchvision's name.", examples=["squeezenet1_0"])
    strategy: Strategy = Field(description="Which layers learn.")
    trainable_from: str | None = Field(
        description="With `partial`: the first layer that learns.", examples=[None]
    )
    weights: str = Field(
        description="Published weights, `none`, or a model reference pinned to its version.",
        examples=["imagenet"],
    )
    preset: str = Field(description="Where left-out fields came from.", examples=["recommended"])
    epochs: int = Field(ge=1, le=10_000, description="Passes over the data.", examples=[15])
    batch_size: int = Field(ge=1, le=4096, description="Images a step.", examples=[8])
    input_size: int = Field(ge=16, le=1024, description="Pixels.", examples=[224])
    seed: int = Field(ge=0, lt=2**32, description="Fixes what is left to chance.", examples=[0])
    num_threads: int = Field(ge=1, le=256, description="CPU threads.", examples=[2])
    optimizer: Optimizer = Field(description="What moves the weights.")
    scheduler: Scheduler = Field(description="How the learning rate changes.")
    augmentation: Augmentation = Field(description="How training images are varied.")
    early_stopping: EarlyStopping | None = Field(
        description="When to stop before the last epoch.", examples=[None]
    )
