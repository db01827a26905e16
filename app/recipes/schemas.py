"""A job request, and the configuration that it is resolved to."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app.ml.recipe import (
    BatchNormMode,
    ClassBalance,
    Configuration,
    EarlyStopping,
    Ema,
    HeadKind,
    HeadStart,
    Mixing,
    Precision,
    StagedUnfreezing,
    StrategyOrAuto,
)
from app.recipes.component_schemas import AugmentationRequest, OptimizerRequest, SchedulerRequest
from app.web.schemas import ApiModel, Metadata, Name

Preset = Literal["recommended", "tutorial", "tutorial-steplr", "tutorial-inception"]

DATASET_ID = "ds_01k0w1rhzekvcw9wykj3fymg"
JOB_ID = "job_01k0w1rhzemcbybsywa1w8p9"


class JobRequest(ApiModel):
    """A training job; only `dataset_id` is required, the preset fills the rest."""

    dataset_id: str | None = Field(
        None,
        max_length=40,
        description="What to learn from; it may still be ingesting. Required, unless `clone_of` "
        "is given.",
        examples=[DATASET_ID],
    )
    clone_of: str | None = Field(
        None,
        max_length=40,
        description="A job to repeat with the very configuration it had; beside it only "
        "`model_name` and `metadata` may be given.",
        examples=[None],
    )
    architecture: str | None = Field(
        None,
        max_length=64,
        description="One of GET /architectures, by its torchvision name or the tutorial's; `auto`: "
        "the most accurate on ImageNet that fits the budget.",
        examples=["squeezenet1_0"],
    )
    time_budget_seconds: float | None = Field(
        None,
        gt=0,
        le=1e7,
        description="With `architecture: auto`: how long the training may take; an hour where "
        "max_parameters is left out as well.",
        examples=[None],
    )
    max_parameters: int | None = Field(
        None,
        ge=1,
        description="With `architecture: auto`: how large the model may be.",
        examples=[None],
    )
    strategy: StrategyOrAuto | None = Field(
        None,
        description="Which layers learn: the new head alone (`feature_extract`), everything "
        "(`fine_tune`), everything from `trainable_from` on (`partial`), everything from "
        "random weights (`scratch`), or what is advised after measuring (`auto`).",
        examples=["feature_extract"],
    )
    trainable_from: str | None = Field(
        None,
        max_length=128,
        description="With `partial`: the first layer that learns.",
        examples=["layer3"],
    )
    weights: str | None = Field(
        None,
        max_length=160,
        description="`imagenet`, the name of a weights entry, `none`, or a reference to a model "
        "of this service (`name`, `name@alias`, `name:3`) to go on from.",
        examples=["imagenet"],
    )
    preset: Preset = Field("recommended", description="Where left-out fields come from.")
    epochs: int | None = Field(
        None, ge=1, le=10_000, description="Passes over the data.", examples=[15]
    )
    batch_size: int | None = Field(None, ge=1, le=4096, description="Images a step.", examples=[8])
    input_size: int | None = Field(
        None,
        ge=16,
        le=1024,
        description="Pixels; the architecture may ask for more.",
        examples=[224],
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Fixes everything that is left to chance.")
    num_threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="CPU threads; part of what makes a run repeatable.",
        examples=[2],
    )
    optimizer: OptimizerRequest | None = Field(
        None,
        description="What moves the weights.",
        examples=[{"name": "sgd", "learning_rate": 0.001}],
    )
    scheduler: SchedulerRequest | None = Field(
        None,
        description="How the learning rate changes; null: it does not.",
        examples=[{"name": "step", "step_size": 7, "gamma": 0.1}],
    )
    augmentation: AugmentationRequest | None = Field(
        None,
        description="How training images are varied; null: they are not.",
        examples=[{"name": "tutorial"}],
    )
    early_stopping: EarlyStopping | None = Field(
        None,
        description="When to stop before the last epoch; null: never.",
        examples=[{"patience": 5}],
    )
    precision: Precision | None = Field(
        None,
        description="Numbers the layers compute in; `auto`: the fastest that the device has.",
        examples=["auto"],
    )
    compile: bool | None = Field(
        None, description="Whether torch.compile builds the model's kernels.", examples=[False]
    )
    head: HeadKind | None = Field(
        None,
        description="`linear`: SqueezeNet's head loses its final ReLU, which can die.",
        examples=["linear"],
    )
    head_start: HeadStart | None = Field(
        None,
        description="What the new head begins as: random numbers, or the best linear head on the "
        "frozen trunk's features.",
        examples=["linear_probe"],
    )
    batch_norm: BatchNormMode | None = Field(
        None,
        description="`eval`: BatchNorm layers keep the statistics they came with.",
        examples=["train"],
    )
    cached_views: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many augmented views of each image the frozen layers see once and for "
        "all; null: they see every image anew in every epoch.",
        examples=[4],
    )
    layer_decay: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Factor of the learning rate from each layer to the one below it.",
        examples=[0.8],
    )
    staged_unfreezing: StagedUnfreezing | None = Field(
        None,
        description="When the layers below the head begin to learn; null: at once.",
        examples=[None],
    )
    mixing: Mixing | None = Field(
        None,
        description="How training images are mixed with each other; null: they are not.",
        examples=[{"name": "mixup", "alpha": 0.2}],
    )
    label_smoothing: float | None = Field(
        None, ge=0, lt=1, description="Share of a label spread over all classes.", examples=[0.1]
    )
    class_balance: ClassBalance | None = Field(
        None,
        description="What makes rare classes count as much as frequent ones.",
        examples=["loss"],
    )
    clip_norm: float | None = Field(
        None, gt=0, le=1e6, description="Longest gradient of a step.", examples=[1.0]
    )
    accumulate: int | None = Field(
        None, ge=1, le=1024, description="Batches whose gradients make one step.", examples=[1]
    )
    ema: Ema | None = Field(
        None,
        description="Whether the moving average of the weights is validated and kept.",
        examples=[{"decay": 0.99}],
    )
    model_name: Name | None = Field(
        None,
        description="Where the model is registered; left out: the dataset's name.",
        examples=["ants-and-bees"],
    )
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _name_a_source(self) -> Self:
        if self.clone_of is None and self.dataset_id is None:
            raise ValueError("dataset_id is required (or clone_of, to repeat a job)")
        extra = self.model_fields_set - {"clone_of", "model_name", "metadata"}
        if self.clone_of is not None and extra:
            names = ", ".join(sorted(extra))
            raise ValueError(
                f"beside clone_of only model_name and metadata are allowed, not {names}"
            )
        return self

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "dataset_id": DATASET_ID,
                    "architecture": "squeezenet1_0",
                    "strategy": "feature_extract",
                }
            ]
        },
    )


class JobConfig(Configuration):
    """Everything that decides what is learned; what is `auto` is in `resolved` after the start."""

    dataset_id: str = Field(description="What is learned from.", examples=[DATASET_ID])
    model_name: str = Field(
        description="Where the model is registered.", examples=["ants-and-bees"]
    )

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
