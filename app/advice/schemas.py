"""Schemas of advice on how to train on a dataset: the analysis request and its result."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.ml.recipe import Recipe, Strategy
from app.web.schemas import ApiModel


class AdviceRequest(BaseModel):
    """Analysis request: choose one of the recipes, and the architecture if that is `auto`.

    recipes has one recipe for each strategy that may be advised; the layer of `partial` is a
    placeholder. input_size is None for the architecture's own. base_model_key is the checkpoint of
    the registered model that the job starts from.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["advise"] = "advise"
    architecture: str
    recipes: dict[Strategy, Recipe] = Field(min_length=1)
    input_size: int | None = None
    time_budget_seconds: float | None = None
    max_parameters: int | None = None
    base_model_key: str | None = None


class Proportion(ApiModel):
    """A proportion of images with its 95 % interval (Wilson, 1927).

    Where images are weighted, the interval is that of their effective number.
    """

    value: float = Field(ge=0, le=1, description="The measured proportion.", examples=[0.926])
    low: float = Field(ge=0, le=1, description="Lower end of the interval.", examples=[0.886])
    high: float = Field(ge=0, le=1, description="Upper end of the interval.", examples=[0.953])


class ProportionDifference(ApiModel):
    """A difference of two proportions over the same images, with its 95 % interval."""

    value: float = Field(ge=-1, le=1, description="Late minus early.", examples=[0.082])
    low: float = Field(ge=-1, le=1, description="Lower end of the interval.", examples=[0.045])
    high: float = Field(ge=-1, le=1, description="Upper end of the interval.", examples=[0.119])


class LinearProbe(ApiModel):
    """A linear probe: a linear classifier on the features of a frozen layer."""

    stage: str = Field(description="Layer whose output it classifies.", examples=["layer4"])
    num_features: int = Field(
        description="Features per image, averaged over positions.", examples=[512]
    )
    accuracy: Proportion = Field(
        description="Cross-validated accuracy, with each class as frequent as in validation."
    )
    l2_strength: float = Field(
        description="L2 penalty with the lowest cross-validated loss.", examples=[0.1]
    )


class SecondsPerImage(ApiModel):
    """Time per image on the machine that was measured."""

    decoding: float = Field(
        description="Seconds to decode and preprocess an image.", examples=[0.0031]
    )
    forward: float = Field(description="Seconds of a forward pass.", examples=[0.0094])
    step: dict[Strategy, float] = Field(
        description="Seconds of a training step per image, for each strategy that trains layers of "
        "the backbone.",
        examples=[{"fine_tune": 0.0291}],
    )


class Candidate(ApiModel):
    """An architecture that was considered."""

    architecture: str = Field(description="Name of the architecture.", examples=["resnet50"])
    imagenet_accuracy: float = Field(
        ge=0, le=1, description="ImageNet accuracy of its weights.", examples=[0.80858]
    )
    num_parameters: int = Field(description="Parameters with the new head.", examples=[23512130])
    estimated_seconds: float | None = Field(
        description="Estimated seconds of the training; null without a time budget.",
        examples=[310.2],
    )
    verdict: Literal[
        "chosen",
        "no weights",
        "too many parameters",
        "too slow",
        "too slow when tried",
        "too large for the memory",
    ] = Field(description="Result: chosen, or the reason why not.", examples=["too slow"])


class AdviceMeasurements(ApiModel):
    """The measurements behind the advice."""

    num_images: int = Field(description="Number of training images.", examples=[244])
    per_class: dict[str, int] = Field(
        description="Training images of each class.", examples=[{"ants": 123, "bees": 121}]
    )
    imbalance: float = Field(
        description="Size of the largest class divided by that of the smallest.", examples=[1.02]
    )
    images_per_class: float = Field(description="Median of images per class.", examples=[122.0])
    size: Literal["few", "many"] = Field(
        description="Whether the images per class are few or many.", examples=["few"]
    )
    similarity: Literal["like", "unlike"] = Field(
        description="Similarity to the images that the weights were trained on. `like`: the last "
        "features separate the classes at least as well as earlier, more general features.",
        examples=["like"],
    )
    num_images_probed: int = Field(
        description="Size of the stratified sample of training images that was measured.",
        examples=[244],
    )
    late: LinearProbe = Field(description="Probe on the features before the architecture's head.")
    early: LinearProbe = Field(description="Probe on the features of the stage before.")
    gap: ProportionDifference = Field(
        description="Accuracy of the late probe minus that of the early one."
    )
    accuracy_with_half: float = Field(
        ge=0,
        le=1,
        description="Accuracy of the late probe with half of the images; the gain from it to all "
        "images shows what more images may bring.",
        examples=[0.914],
    )
    device: str = Field(description="Device of the measurement.", examples=["cpu"])
    seconds_per_image: SecondsPerImage = Field(description="Measured seconds per image.")
    expected_seconds: dict[Strategy, float] = Field(
        description="Expected seconds of a job with each strategy that may be advised.",
        examples=[{"feature_extract": 4.1, "partial": 21.4, "fine_tune": 41.7}],
    )
    candidates: list[Candidate] = Field(
        description="With `architecture: auto`: the considered architectures, by ImageNet accuracy "
        "from the highest.",
        examples=[[]],
    )


class Advice(ApiModel):
    """Advice on how to train on a dataset, with the reason."""

    architecture: str = Field(
        description="Architecture that the advice is for.", examples=["resnet18"]
    )
    strategy: Strategy = Field(description="Strategy: which layers to train.")
    trainable_from: str | None = Field(
        description="With `partial`: the first layer to train.", examples=["layer4"]
    )
    stage: str | None = Field(
        description="The last frozen layer; null if all layers are trained.",
        examples=["layer3"],
    )
    expected_accuracy: Proportion = Field(
        description="Accuracy of the better linear probe, extrapolated from held-out images to "
        "all training images; training more layers should not be worse."
    )
    expected_seconds: float = Field(
        description="Expected seconds of a job with the advised strategy on the measured device.",
        examples=[4.1],
    )
    reason: str = Field(
        description="The reason, in a sentence.",
        examples=[
            (
                "122 images per class are few, and resnet18's last features separate the classes "
                "at least as well as those of layer3 (0.926 against 0.844, clearly): train a new "
                "head on them and freeze the rest."
            )
        ],
    )
    measurements: AdviceMeasurements
