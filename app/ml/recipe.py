"""Define the training recipe: all settings that determine the result of a training.

The API resolves each request to a recipe once, and the training process uses it. So this module
imports only pydantic.
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
ClassBalance = Literal["auto", "none", "loss", "sampling"]

LearningRate = Annotated[float, Field(gt=0, le=100, description="Step size of the optimizer.")]
WeightDecay = Annotated[float, Field(ge=0, le=10, description="L2 penalty on the weights.")]


class _Component(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class Sgd(_Component):
    """Stochastic gradient descent with momentum (Sutskever et al., 2013)."""

    name: Literal["sgd"] = Field("sgd", description="Its name.")
    learning_rate: LearningRate = 0.001
    momentum: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="Momentum: share of the last step that is added to the next.",
    )
    weight_decay: WeightDecay = 0.0


class RmsProp(_Component):
    """RMSprop (Hinton, Coursera lecture 6e, 2012)."""

    name: Literal["rmsprop"] = Field("rmsprop", description="Its name.")
    learning_rate: LearningRate = 0.001
    momentum: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Momentum: the share of the last step that is added to the next.",
    )
    weight_decay: WeightDecay = 0.0


class AdamW(_Component):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019)."""

    name: Literal["adamw"] = Field("adamw", description="Its name.")
    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.01


class Lbfgs(_Component):
    """L-BFGS on the multinomial logistic loss of a head over frozen features, to convergence.

    The problem is convex, so neither seed nor learning rate matters. Each strength is one row of
    the history; the one with the lowest cross-validated loss on the training images is kept (Liu &
    Nocedal, 1989; Bishop, PRML, section 4.3.4).
    """

    name: Literal["lbfgs"] = Field("lbfgs", description="Its name.")
    l2_strengths: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
        strict=False,  # JSON has lists
        min_length=1,
        max_length=50,
        description="L2 penalties to try, on features scaled to a variance of about one.",
        examples=[[1.0, 0.1, 0.01]],
    )
    folds: int = Field(5, ge=2, le=20, description="Number of folds of the cross-validation.")


class ConstantSchedule(_Component):
    """A constant learning rate."""

    name: Literal["constant"] = Field("constant", description="Its name.")


class StepSchedule(_Component):
    """Multiply the learning rate by `gamma` every `step_size` epochs."""

    name: Literal["step"] = Field("step", description="Its name.")
    step_size: int = Field(7, ge=1, le=10_000, description="Epochs between two steps.")
    gamma: float = Field(0.1, gt=0, le=1, description="Factor applied at each step.")


class CosineSchedule(_Component):
    """Linear warm-up, then half a cosine to zero, moved every step (Loshchilov & Hutter, 2017)."""

    name: Literal["cosine"] = Field("cosine", description="Its name.")
    warmup_epochs: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="Epochs of linear warm-up; at most half of all steps are warm-up.",
    )


class TutorialAugmentation(_Component):
    """RandomResizedCrop from the full-size image and a horizontal flip, as the tutorials do."""

    name: Literal["tutorial"] = Field("tutorial", description="Its name.")
    min_scale: float = Field(
        0.08, gt=0, le=1, description="Smallest share of the area that a crop may have."
    )


class TrivialAugment(_Component):
    """The tutorial's crop and flip, then one random operation (Müller & Hutter, 2021)."""

    name: Literal["trivial"] = Field("trivial", description="Its name.")
    min_scale: float = Field(
        0.35, gt=0, le=1, description="Smallest share of the area that a crop may have."
    )


class RandAugment(_Component):
    """The tutorial's crop and flip, then random operations (Cubuk et al., 2020)."""

    name: Literal["rand"] = Field("rand", description="Its name.")
    min_scale: float = Field(
        0.35, gt=0, le=1, description="Smallest share of the area that a crop may have."
    )
    num_operations: int = Field(2, ge=1, le=8, description="Operations on each image.")
    magnitude: int = Field(9, ge=0, le=30, description="Their strength, of 30.")


class NoAugmentation(_Component):
    """Training images are prepared exactly as validation images."""

    name: Literal["none"] = Field("none", description="Its name.")


class MixUp(_Component):
    """Images and labels are blended in pairs (Zhang et al., 2018)."""

    name: Literal["mixup"] = Field("mixup", description="Its name.")
    alpha: float = Field(0.2, gt=0, le=10, description="Both parameters of the Beta distribution.")


class CutMix(_Component):
    """A patch of another image is pasted in, labels shared by area (Yun et al., 2019)."""

    name: Literal["cutmix"] = Field("cutmix", description="Its name.")
    alpha: float = Field(1.0, gt=0, le=10, description="Both parameters of the Beta distribution.")


class StagedUnfreezing(_Component):
    """Layers are unfrozen from the head downwards (Howard & Ruder, 2018)."""

    epochs_per_stage: int = Field(
        1, ge=1, le=1000, description="Epochs before the next stage is unfrozen."
    )
    num_stages: int = Field(3, ge=2, le=10, description="Number of stages of the backbone.")


class Ema(_Component):
    """A moving average of the weights is validated and stored (Polyak & Juditsky, 1992)."""

    decay: float = Field(0.99, gt=0, lt=1, description="Share of the average that each step keeps.")


class EarlyStopping(_Component):
    """Stop when the best validation accuracy of an epoch has not risen for `patience` epochs."""

    patience: int = Field(5, ge=1, le=10_000, description="Epochs without improvement.")


Optimizer = Annotated[Sgd | RmsProp | AdamW | Lbfgs, Field(discriminator="name")]
Scheduler = Annotated[ConstantSchedule | StepSchedule | CosineSchedule, Field(discriminator="name")]
Augmentation = Annotated[
    TutorialAugmentation | TrivialAugment | RandAugment | NoAugmentation,
    Field(discriminator="name"),
]
Mixing = Annotated[MixUp | CutMix, Field(discriminator="name")]


class Configuration(_Component):
    """A recipe, in which some values may be `auto` until the job starts."""

    architecture: str = Field(
        description="Architecture: torchvision's name, or `timm:` and timm's.",
        examples=["squeezenet1_0"],
    )
    strategy: StrategyOrAuto = Field(description="Which layers are trained.")
    trainable_from: str | None = Field(
        description="With `partial`: the first layer that is trained.", examples=[None]
    )
    weights: str = Field(
        description="Published weights (`pretrained` and `imagenet` are the default ones), `none`, "
        "or a model reference pinned to its version.",
        examples=["imagenet"],
    )
    preset: str = Field(
        description="The preset that filled left-out fields.", examples=["recommended"]
    )
    epochs: int | Auto = Field(description="Passes over the data.", examples=[15])
    batch_size: int = Field(ge=1, le=4096, description="Images per batch.", examples=[8])
    input_size: int | Auto = Field(description="Width and height in pixels.", examples=[224])
    seed: int = Field(ge=0, lt=2**32, description="Seed of all random numbers.", examples=[0])
    num_threads: int = Field(ge=1, le=256, description="CPU threads.", examples=[2])
    precision: Precision = Field(
        "fp32",
        description="Data type that layers compute in; `auto`: the fastest of the device.",
        examples=["auto"],
    )
    compile: bool = Field(False, description="Whether the model is compiled by torch.compile.")
    head: HeadKind = Field(
        "torchvision",
        description="`linear`: the logits are linear in the backbone's features (SqueezeNet's head "
        "without its final ReLU, which can die); all other architectures have linear heads anyway.",
    )
    head_start: HeadStart | Auto = Field(
        "random",
        description="How the new head starts: random, or as the best linear head on the frozen "
        "backbone's features (Kumar et al., 2022), which is then the first candidate for the best "
        "model.",
    )
    batch_norm: BatchNormMode | Auto = Field(
        "train",
        description="`eval`: BatchNorm layers keep their pretrained statistics.",
    )
    cached_views: int | Auto | None = Field(
        None,
        description="Number of augmented views of each image whose features are cached, so that "
        "the frozen layers run only once; null: they run on every image in every epoch.",
        examples=[None],
    )
    optimizer: Optimizer | Auto = Field(description="The optimizer.")
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Factor of the learning rate from each layer to the one below it.",
    )
    scheduler: Scheduler | Auto = Field(description="The learning-rate schedule.")
    staged_unfreezing: StagedUnfreezing | None = Field(
        None, description="When the layers below the head are unfrozen.", examples=[None]
    )
    augmentation: Augmentation | Auto = Field(description="The augmentation of training images.")
    mixing: Mixing | None = Field(
        None, description="How pairs of training images are mixed.", examples=[None]
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of a label spread over all (Szegedy et al., 2016)."
    )
    class_balance: ClassBalance = Field(
        "none",
        description="How rare classes are balanced against frequent ones: by weights in the loss, "
        "or by more frequent sampling. `auto`: by weights where these give a solved head more "
        "balanced accuracy in cross-validation (see `resolved.class_balance`).",
    )
    clip_norm: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Largest norm of a gradient (Pascanu et al., 2013).",
        examples=[None],
    )
    accumulate: int = Field(
        1, ge=1, le=1024, description="Batches whose gradients are accumulated for one step."
    )
    ema: Ema | Auto | None = Field(
        None, description="The moving average of the weights, if it is stored.", examples=[None]
    )
    early_stopping: EarlyStopping | Auto | None = Field(
        description="When to stop before the last epoch.", examples=[None]
    )


class Recipe(Configuration):
    """The resolved configuration of a job, without `auto` values (except the precision)."""

    strategy: Strategy = Field(description="Which layers are trained.")
    epochs: int = Field(ge=1, le=10_000, description="Passes over the data.", examples=[15])
    input_size: int = Field(
        ge=16, le=1024, description="Width and height in pixels.", examples=[224]
    )
    head_start: HeadStart = Field("random", description="How the new head starts.")
    batch_norm: BatchNormMode = Field("train", description="Which statistics BatchNorm uses.")
    cached_views: int | None = Field(
        None, ge=1, le=64, description="Views whose features are cached.", examples=[None]
    )
    optimizer: Optimizer = Field(description="The optimizer.")
    scheduler: Scheduler = Field(description="The learning-rate schedule.")
    augmentation: Augmentation = Field(description="The augmentation of training images.")
    ema: Ema | None = Field(
        None, description="The moving average of the weights, if it is stored.", examples=[None]
    )
    early_stopping: EarlyStopping | None = Field(
        description="When to stop before the last epoch.", examples=[None]
    )


def is_decided(configuration: Configuration) -> bool:
    """Return whether architecture and strategy are decided (the precision may stay `auto`)."""
    return "auto" not in (configuration.strategy, configuration.architecture)


def decide(configuration: Configuration) -> Recipe:
    """Return the recipe of a configuration without `auto` values."""
    values: dict[str, Any] = configuration.model_dump(include=set(Recipe.model_fields))
    return Recipe.model_validate(values)


def is_run_once(recipe: Recipe) -> bool:
    """Return whether only the head is trained, on features that the backbone computes once."""
    return recipe.strategy == "feature_extract" and (
        isinstance(recipe.optimizer, Lbfgs) or recipe.cached_views is not None
    )
