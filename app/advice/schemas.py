"""Advice on how to train on a dataset: the question a worker is asked, and its answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.ml.recipe import Recipe, Strategy
from app.web.schemas import ApiModel


class AdviceQuestion(BaseModel):
    """Which of these recipes to carry out, and with which architecture where that is `auto`.

    recipes are those of the strategies that may be advised; for a partial one any layer is named.
    input_size is the one asked for, None for the architecture's own. base_model_key is the
    checkpoint of the registered model that the job goes on from.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["advise"] = "advise"
    architecture: str
    recipes: dict[Strategy, Recipe] = Field(min_length=1)
    input_size: int | None = None
    time_budget_seconds: float | None = None
    max_parameters: int | None = None
    base_model_key: str | None = None


class Share(ApiModel):
    """A share of images, with the 95 % interval that so few images leave (Wilson, 1927)."""

    value: float = Field(ge=0, le=1, description="As it was counted.", examples=[0.926])
    low: float = Field(ge=0, le=1, description="Lower end.", examples=[0.886])
    high: float = Field(ge=0, le=1, description="Upper end.", examples=[0.953])


class Gap(ApiModel):
    """A difference of two shares over the same images, with its 95 % interval."""

    value: float = Field(ge=-1, le=1, description="Later minus earlier.", examples=[0.082])
    low: float = Field(ge=-1, le=1, description="Lower end.", examples=[0.045])
    high: float = Field(ge=-1, le=1, description="Upper end.", examples=[0.119])


class Probe(ApiModel):
    """A linear head on the frozen network's activations, judged on images it was not fitted to."""

    stage: str = Field(description="The layer whose output it is given.", examples=["layer4"])
    num_features: int = Field(
        description="Numbers an image, averaged over its places.", examples=[512]
    )
    accuracy: Share = Field(description="Out of fold, in a cross-validation.")
    l2_strength: float = Field(
        description="The penalty with the lowest cross-validated loss.", examples=[0.1]
    )


class SecondsAnImage(ApiModel):
    """What an image costs on the machine that was asked."""

    decoding: float = Field(description="To decode and prepare it.", examples=[0.0031])
    forward: float = Field(description="To run the network on it.", examples=[0.0094])
    step: dict[Strategy, float] = Field(
        description="To learn from it, for each strategy whose trunk moves.",
        examples=[{"fine_tune": 0.0291}],
    )


class Candidate(ApiModel):
    """An architecture that was considered, most accurate on ImageNet first."""

    architecture: str = Field(description="Its name.", examples=["resnet50"])
    imagenet_accuracy: float = Field(
        ge=0, le=1, description="What its weights are worth there.", examples=[0.80858]
    )
    num_parameters: int = Field(description="With the new head.", examples=[23512130])
    estimated_seconds: float | None = Field(
        description="For the whole training; null where time plays no part.", examples=[310.2]
    )
    verdict: Literal[
        "chosen",
        "no weights",
        "too many parameters",
        "too slow",
        "too slow when tried",
        "too large for the memory",
    ] = Field(description="What became of it.", examples=["too slow"])


class AdviceMeasurements(ApiModel):
    """All figures that the advice rests on."""

    num_images: int = Field(description="Training images.", examples=[244])
    per_class: dict[str, int] = Field(
        description="Training images of each class.", examples=[{"ants": 123, "bees": 121}]
    )
    imbalance: float = Field(description="Largest class over smallest.", examples=[1.02])
    images_per_class: float = Field(description="Their median.", examples=[122.0])
    size: Literal["few", "many"] = Field(description="Whether that is many.", examples=["few"])
    similarity: Literal["like", "unlike"] = Field(
        description="`like` what the weights were trained on: the last features separate the "
        "classes at least as well as earlier, more general ones.",
        examples=["like"],
    )
    num_images_probed: int = Field(
        description="A stratified sample of the training images.", examples=[244]
    )
    late: Probe = Field(description="On what the network's own head is given.")
    early: Probe = Field(description="On the stage before.")
    gap: Gap = Field(description="Accuracy of the late probe minus that of the early one.")
    accuracy_with_half: float = Field(
        ge=0,
        le=1,
        description="Of the late probe given half of the images: what more images may bring.",
        examples=[0.914],
    )
    device: str = Field(description="Where it was measured.", examples=["cpu"])
    seconds_per_image: SecondsAnImage = Field(description="What the seconds are made of.")
    expected_seconds: dict[Strategy, float] = Field(
        description="For each strategy that could have been advised.",
        examples=[{"feature_extract": 4.1, "partial": 21.4, "fine_tune": 41.7}],
    )
    candidates: list[Candidate] = Field(
        description="With `architecture: auto`: what was considered.", examples=[[]]
    )


class Advice(ApiModel):
    """How to train on a dataset, and why."""

    architecture: str = Field(description="That it is about.", examples=["resnet18"])
    strategy: Strategy = Field(description="Which layers should learn.")
    trainable_from: str | None = Field(
        description="With `partial`: the first layer that should learn.", examples=["layer4"]
    )
    stage: str | None = Field(
        description="The last layer that stays as it is; null where all of them learn.",
        examples=["layer3"],
    )
    expected_accuracy: Share = Field(
        description="Of the better linear head on unseen images; more layers should do no worse."
    )
    expected_seconds: float = Field(
        description="For a whole job with the advised strategy, on that device.", examples=[4.1]
    )
    reason: str = Field(
        description="Why, in a sentence.",
        examples=[
            (
                "122 images per class are few, and resnet18's last features separate the classes "
                "at least as well as those of layer3 (0.926 against 0.844, clearly): train a new "
                "head on them and freeze the rest."
            )
        ],
    )
    measurements: AdviceMeasurements
