"""A training recipe: everything that decides what is learned, as validated values.

Shared by the API (a request resolves to a recipe) and the training process (which obeys it), so it
imports nothing but pydantic.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Strategy = Literal["feature_extract", "fine_tune", "partial", "scratch"]
StrategyOrAuto = Literal["auto", "feature_extract", "fine_tune", "partial", "scratch"]
Auto = Literal["auto"]
HeadKind = Literal["torchvision", "linear"]
HeadStart = Literal["random", "linear_probe"]
BatchNormMode = Literal["train", "eval"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
ClassBalance = Literal["none", "loss", "sampling"]

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


class Lbfgs(_Part):
    """L-BFGS on the multinomial logistic loss of a head over frozen features, to convergence.

    Convex, so neither seed nor learning rate matters. Each strength is one row of the history; the
    one with the lowest cross-validated loss on the training images is kept (Liu & Nocedal, 1989;
    Bishop, PRML, section 4.3.4).
    """

    name: Literal["lbfgs"] = Field("lbfgs", description="Which one this is.")
    l2_strengths: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
        min_length=1,
        max_length=50,
        description="L2 penalties that are tried, on features scaled to unit variance.",
        examples=[[1.0, 0.1, 0.01]],
    )
    folds: int = Field(5, ge=2, le=20, description="Parts of the cross-validation.")


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


class TrivialAugment(_Part):
    """The tutorial's crop and flip, then one random operation (Müller & Hutter, 2021)."""

    name: Literal["trivial"] = Field("trivial", description="Which one this is.")
    min_scale: float = Field(0.35, gt=0, le=1, description="Smallest share of the area cropped.")


class RandAugment(_Part):
    """The tutorial's crop and flip, then random operations (Cubuk et al., 2020)."""

    name: Literal["rand"] = Field("rand", description="Which one this is.")
    min_scale: float = Field(0.35, gt=0, le=1, description="Smallest share of the area cropped.")
    num_operations: int = Field(2, ge=1, le=8, description="Operations on each image.")
    magnitude: int = Field(9, ge=0, le=30, description="Their strength, of 30.")


class NoAugmentation(_Part):
    """Training images are prepared exactly like validation images."""

    name: Literal["none"] = Field("none", description="Which one this is.")


class MixUp(_Part):
    """Images and labels are blended in pairs (Zhang et al., 2018)."""

    name: Literal["mixup"] = Field("mixup", description="Which one this is.")
    alpha: float = Field(0.2, gt=0, le=10, description="Both parameters of the Beta law.")


class CutMix(_Part):
    """A patch of another image is pasted in, labels shared by area (Yun et al., 2019)."""

    name: Literal["cutmix"] = Field("cutmix", description="Which one this is.")
    alpha: float = Field(1.0, gt=0, le=10, description="Both parameters of the Beta law.")


class StagedUnfreezing(_Part):
    """Layers begin to learn from the head downwards (Howard & Ruder, 2018)."""

    epochs_per_stage: int = Field(1, ge=1, le=1000, description="Epochs before the next begin.")
    num_stages: int = Field(3, ge=2, le=10, description="Parts the trunk is divided into.")


class Ema(_Part):
    """A moving average of the weights is validated and kept (Polyak & Juditsky, 1992)."""

    decay: float = Field(0.99, gt=0, lt=1, description="Share of the average kept each step.")


class EarlyStopping(_Part):
    """Stop when validation accuracy has not improved for `patience` epochs."""

    patience: int = Field(5, ge=1, le=10_000, description="Epochs without improvement.")


Optimizer = Annotated[Sgd | RmsProp | AdamW | Lbfgs, Field(discriminator="name")]
Scheduler = Annotated[ConstantSchedule | StepSchedule | CosineSchedule, Field(discriminator="name")]
Augmentation = Annotated[
    TutorialAugmentation | TrivialAugment | RandAugment | NoAugmentation,
    Field(discriminator="name"),
]
Mixing = Annotated[MixUp | CutMix, Field(discriminator="name")]


class Configuration(_Part):
    """A recipe, some values of which may be `auto` until the job starts."""

    architecture: str = Field(description="torchvision's name.", examples=["squeezenet1_0"])
    strategy: StrategyOrAuto = Field(description="Which layers learn.")
    trainable_from: str | None = Field(
        description="With `partial`: the first layer that learns.", examples=[None]
    )
    weights: str = Field(
        description="Published weights, `none`, or a model reference pinned to its version.",
        examples=["imagenet"],
    )
    preset: str = Field(description="Where left-out fields came from.", examples=["recommended"])
    epochs: int | Auto = Field(description="Passes over the data.", examples=[15])
    batch_size: int = Field(ge=1, le=4096, description="Images a step.", examples=[8])
    input_size: int | Auto = Field(description="Pixels.", examples=[224])
    seed: int = Field(ge=0, lt=2**32, description="Fixes what is left to chance.", examples=[0])
    num_threads: int = Field(ge=1, le=256, description="CPU threads.", examples=[2])
    precision: Precision = Field(
        "fp32",
        description="Numbers the layers compute in; `auto`: the fastest that the device has.",
        examples=["auto"],
    )
    compile: bool = Field(False, description="Whether torch.compile builds the model's kernels.")
    head: HeadKind = Field(
        "torchvision",
        description="`linear`: the scores are linear in the trunk's features (SqueezeNet's head "
        "loses its ReLU, which can die); every other architecture's head is so anyway.",
    )
    head_start: HeadStart | Auto = Field(
        "random",
        description="What the new head begins as: random numbers, or the best linear head on the "
        "frozen trunk's features (Kumar et al., 2022).",
    )
    batch_norm: BatchNormMode | Auto = Field(
        "train",
        description="`eval`: BatchNorm layers keep the statistics they came with.",
    )
    cached_views: int | Auto | None = Field(
        None,
        description="How many augmented views of each image the frozen layers see once and for "
        "all; null: they see every image anew in every epoch.",
        examples=[None],
    )
    optimizer: Optimizer | Auto = Field(description="What moves the weights.")
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Factor of the learning rate from each layer to the one below it.",
    )
    scheduler: Scheduler | Auto = Field(description="How the learning rate changes.")
    staged_unfreezing: StagedUnfreezing | None = Field(
        None, description="When the layers below the head begin to learn.", examples=[None]
    )
    augmentation: Augmentation | Auto = Field(description="How training images are varied.")
    mixing: Mixing | None = Field(
        None, description="How training images are mixed with each other.", examples=[None]
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of a label spread over all (Szegedy et al., 2016)."
    )
    class_balance: ClassBalance = Field(
        "none",
        description="What makes rare classes count as much as frequent ones: weights in the loss, "
        "or sampling them more often.",
    )
    clip_norm: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Longest gradient of a step (Pascanu et al., 2013).",
        examples=[None],
    )
    accumulate: int = Field(1, ge=1, le=1024, description="Batches whose gradients make one step.")
    ema: Ema | Auto | None = Field(
        None, description="Whether the average of the weights is kept.", examples=[None]
    )
    early_stopping: EarlyStopping | None = Field(
        description="When to stop before the last epoch.", examples=[None]
    )


class Recipe(Configuration):
    """The resolved configuration of a job, every field decided."""

    strategy: Strategy = Field(description="Which layers learn.")
    epochs: int = Field(ge=1, le=10_000, description="Passes over the data.", examples=[15])
    input_size: int = Field(ge=16, le=1024, description="Pixels.", examples=[224])
    head_start: HeadStart = Field("random", description="What the new head begins as.")
    batch_norm: BatchNormMode = Field("train", description="Which statistics BatchNorm uses.")
    cached_views: int | None = Field(
        None, ge=1, le=64, description="Views the frozen layers see once.", examples=[None]
    )
    optimizer: Optimizer = Field(description="What moves the weights.")
    scheduler: Scheduler = Field(description="How the learning rate changes.")
    augmentation: Augmentation = Field(description="How training images are varied.")
    ema: Ema | None = Field(
        None, description="Whether the average of the weights is kept.", examples=[None]
    )


def is_decided(configuration: Configuration) -> bool:
    """Whether nothing that matters is `auto` any more (a precision may stay so)."""
    return "auto" not in (configuration.strategy, configuration.architecture)


def decide(configuration: Configuration) -> Recipe:
    """The recipe of a configuration in which nothing is `auto` any more."""
    values: dict[str, Any] = configuration.model_dump(include=set(Recipe.model_fields))
    return Recipe.model_validate(values)


def is_run_once(recipe: Recipe) -> bool:
    """Whether the network runs once on each view of an image, and only its head learns then."""
    return recipe.strategy == "feature_extract" and (
        isinstance(recipe.optimizer, Lbfgs) or recipe.cached_views is not None
    )
