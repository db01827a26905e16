"""HTTP schemas of promotion gates."""

from typing import Literal

from pydantic import Field

from app.datasets.manifest import Split
from app.evaluations.schemas import DatasetId, SplitChoice
from app.models.references import MAX_VERSION
from app.web.schemas import ApiModel, RequestModel

Require = Literal["not_worse", "better"]


class GateRule(ApiModel):
    """The rule for a candidate's comparison with the champion on the same images."""

    max_class_drop: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Maximum decrease of any class's recall against the champion's.",
        examples=[0.05],
    )
    significance: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="A difference is significant if the p value of McNemar's exact test is lower.",
        examples=[0.05],
    )
    require: Require = Field(
        "not_worse",
        description="`not_worse`: not significantly worse than the champion; `better`: "
        "significantly better.",
        examples=["not_worse"],
    )


class SetGate(GateRule, RequestModel):
    """The gate to set for a model."""

    dataset_id: DatasetId
    split: SplitChoice = None


class Gate(GateRule):
    """The gate that a version must pass to become `champion`."""

    dataset_id: str = Field(
        description="Id of the dataset.", examples=["ds_01k0w1rhzekvcw9wykj3fymg"]
    )
    dataset_digest: str = Field(
        description="Digest of the dataset's images.", examples=["2c26b46b…"]
    )
    split: Split = Field(description="Split of the dataset.", examples=["test"])


class ClassDrop(ApiModel):
    """A class with a lower recall of the candidate than of the champion."""

    class_name: str = Field(description="The class.", examples=["ants"])
    champion_recall: float = Field(
        ge=0, le=1, description="Recall of the champion.", examples=[0.9]
    )
    candidate_recall: float = Field(
        ge=0, le=1, description="Recall of the candidate.", examples=[0.8]
    )
    drop: float = Field(ge=0, le=1, description="Difference of both.", examples=[0.1])


class GateVerdict(ApiModel):
    """The verdict of a gate on a candidate; the champion's figures are null if there was none."""

    passed: bool = Field(description="Whether the candidate may be promoted.", examples=[True])
    dataset_id: str = Field(
        description="Id of the dataset.", examples=["ds_01k0w1rhzekvcw9wykj3fymg"]
    )
    split: Split = Field(description="Split of the dataset.", examples=["test"])
    num_images: int = Field(ge=1, description="Number of images.", examples=[153])
    candidate_version: int = Field(
        ge=1, le=MAX_VERSION, description="The version to be promoted.", examples=[3]
    )
    candidate_accuracy: float = Field(
        ge=0, le=1, description="Its accuracy on these images.", examples=[0.94]
    )
    champion_version: int | None = Field(description="The current champion.", examples=[2])
    champion_accuracy: float | None = Field(
        description="Its accuracy on these images.", examples=[0.92]
    )
    only_champion_right: int | None = Field(
        description="Images that only the champion classifies correctly.", examples=[4]
    )
    only_candidate_right: int | None = Field(
        description="Images that only the candidate classifies correctly.", examples=[7]
    )
    p_value: float | None = Field(
        description="Two-sided p value of McNemar's exact test: the probability that two equally "
        "good versions differ at least this much.",
        examples=[0.549],
    )
    class_drops: list[ClassDrop] = Field(
        description="Classes with a lower recall of the candidate, the largest drop first."
    )
    reasons: list[str] = Field(
        description="Reasons why it did not pass; empty if it passed.", examples=[[]]
    )
    warnings: list[str] = Field(
        description="Limits of the verdict: versions that have seen these images, classes without "
        "images.",
        examples=[[]],
    )
