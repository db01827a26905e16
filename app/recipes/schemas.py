"""Schemas of a job request and of the configuration that it is resolved to."""

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
from app.web.schemas import Metadata, Name, RequestModel

Preset = Literal["recommended", "tutorial", "tutorial-steplr", "tutorial-inception"]

MIN_TIME_BUDGET_SECONDS = 30
MAX_TIME_BUDGET_SECONDS = 7 * 24 * 3600

DATASET_ID = "ds_01k0w1rhzekvcw9wykj3fymg"
JOB_ID = "job_01k0w1rhzemcbybsywa1w8p9"


class JobRequest(RequestModel):
    """Request of a training job; only `dataset_id` is required, the preset gives the others."""

    dataset_id: str | None = Field(
        None,
        max_length=40,
        description="Dataset to train on; it may still be ingesting. Required, unless `clone_of` "
        "is given.",
        examples=[DATASET_ID],
    )
    clone_of: str | None = Field(
        None,
        max_length=40,
        description="Job to repeat with the same configuration; only `model_name` and `metadata` "
        "may be given with it.",
        examples=[None],
    )
    architecture: str | None = Field(
        None,
        max_length=128,
        description="An architecture from GET /architectures, by torchvision's or the tutorial's "
        "name; `timm:` and the name of one of timm's, found by GET /architectures?search=; "
        "`auto`: the best of those that the time budget allows to try, or, without a time "
        "budget, the one with the highest ImageNet accuracy that trains within an hour.",
        examples=["squeezenet1_0"],
    )
    time_budget_seconds: float | None = Field(
        None,
        ge=MIN_TIME_BUDGET_SECONDS,
        le=MAX_TIME_BUDGET_SECONDS,
        description="With `architecture: auto` or `strategy: auto`: seconds that the job's work "
        "may take. It tries backbones with solved heads, then fine-tunes the best where that "
        "pays; GET /jobs/{job_id}/portfolio shows what it tried and why it stopped.",
        examples=[None],
    )
    max_parameters: int | None = Field(
        None,
        ge=1,
        description="With `architecture: auto`: largest number of parameters.",
        examples=[None],
    )
    strategy: StrategyOrAuto | None = Field(
        None,
        description="Which layers are trained: only the new head (`feature_extract`), all layers "
        "(`fine_tune`), all layers from `trainable_from` on (`partial`), all layers from random "
        "weights (`scratch`), or those that the advice on the dataset recommends (`auto`).",
        examples=["feature_extract"],
    )
    trainable_from: str | None = Field(
        None,
        max_length=128,
        description="With `partial`: the first layer that is trained.",
        examples=["layer3"],
    )
    weights: str | None = Field(
        None,
        max_length=160,
        description="`pretrained`, the architecture's default weights; `imagenet`, the same where "
        "their classes are ImageNet's; the name of published weights; `none`; or a reference to a "
        "registered model to start from (`name`, `name@alias`, `name:3`).",
        examples=["imagenet"],
    )
    preset: Preset = Field("recommended", description="Preset that gives the left-out fields.")
    epochs: int | None = Field(
        None, ge=1, le=10_000, description="Passes over the data.", examples=[15]
    )
    batch_size: int | None = Field(
        None, ge=1, le=4096, description="Images per batch.", examples=[8]
    )
    input_size: int | None = Field(
        None,
        ge=16,
        le=1024,
        description="Width and height in pixels; the architecture has a minimum.",
        examples=[224],
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of all random numbers.")
    num_threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="CPU threads; a run is reproducible only with the same number.",
        examples=[2],
    )
    optimizer: OptimizerRequest | None = Field(
        None,
        description="Changes to the preset's optimizer.",
        examples=[{"name": "sgd", "learning_rate": 0.001}],
    )
    scheduler: SchedulerRequest | None = Field(
        None,
        description="Changes to the preset's learning-rate schedule; null: constant.",
        examples=[{"name": "step", "step_size": 7, "gamma": 0.1}],
    )
    augmentation: AugmentationRequest | None = Field(
        None,
        description="Changes to the preset's augmentation; null: no augmentation.",
        examples=[{"name": "tutorial"}],
    )
    early_stopping: EarlyStopping | None = Field(
        None,
        description="Early stopping; null: all epochs are run.",
        examples=[{"patience": 5}],
    )
    precision: Precision | None = Field(
        None,
        description="Data type that layers compute in; `auto`: the fastest of the device.",
        examples=["auto"],
    )
    compile: bool | None = Field(
        None, description="Whether the model is compiled by torch.compile.", examples=[False]
    )
    head: HeadKind | None = Field(
        None,
        description="`linear`: without the final ReLU of SqueezeNet's head, which can die.",
        examples=["linear"],
    )
    head_start: HeadStart | None = Field(
        None,
        description="Initial weights of the new head: random, or the best linear head on the "
        "frozen backbone's features.",
        examples=["linear_probe"],
    )
    batch_norm: BatchNormMode | None = Field(
        None,
        description="`eval`: BatchNorm layers keep their pretrained statistics.",
        examples=["train"],
    )
    cached_views: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Number of augmented views of each image whose features are cached, so that "
        "the frozen layers run only once; null: they run on every image in every epoch.",
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
        description="Staged unfreezing of the layers below the head; null: they are trained from "
        "the first epoch.",
        examples=[None],
    )
    mixing: Mixing | None = Field(
        None,
        description="Mixing of training images in pairs; null: no mixing.",
        examples=[{"name": "mixup", "alpha": 0.2}],
    )
    label_smoothing: float | None = Field(
        None, ge=0, lt=1, description="Label smoothing.", examples=[0.1]
    )
    class_balance: ClassBalance | None = Field(
        None,
        description="How rare classes are balanced against frequent ones: by weights in the loss, "
        "or by more frequent sampling. `auto`: by weights where these give a solved head more "
        "balanced accuracy in cross-validation (see `resolved.class_balance`).",
        examples=["loss"],
    )
    clip_norm: float | None = Field(
        None, gt=0, le=1e6, description="Largest norm of a gradient.", examples=[1.0]
    )
    accumulate: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Batches whose gradients are accumulated for one step.",
        examples=[1],
    )
    ema: Ema | None = Field(
        None,
        description="Exponential moving average of the weights, which is then validated and "
        "registered; null: none.",
        examples=[{"decay": 0.99}],
    )
    model_name: Name | None = Field(
        None,
        description="Name of the registered model; left out: the dataset's name.",
        examples=["ants-and-bees"],
    )
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _name_a_source(self) -> Self:
        if self.clone_of is None and self.dataset_id is None:
            raise ValueError("dataset_id is missing; send it, or clone_of to repeat a job")
        extra = self.model_fields_set - {"clone_of", "model_name", "metadata"}
        if self.clone_of is not None and extra:
            names = ", ".join(sorted(extra))
            raise ValueError(f"only model_name and metadata are allowed with clone_of, not {names}")
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
    """The full configuration of a job; its `auto` values are decided at the start (`resolved`)."""

    dataset_id: str = Field(description="Dataset to train on.", examples=[DATASET_ID])
    model_name: str = Field(description="Name of the registered model.", examples=["ants-and-bees"])
    time_budget_seconds: float | None = Field(
        None,
        description="Seconds that the job's work may take; null: as long as its epochs take.",
        examples=[None],
    )

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
