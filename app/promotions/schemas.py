"""Gates, what they say of a promotion, and the audit log, on the wire."""

from typing import Literal

from pydantic import Field

from app.datasets.manifest import Split
from app.evaluations.schemas import DatasetId, SplitChoice
from app.models.references import MAX_VERSION
from app.web.schemas import ApiModel

Require = Literal["not_worse", "better"]


class GateRule(ApiModel):
    """How a candidate has to compare with the champion on the same images."""

    max_class_drop: float = Field(
        0.05,
        ge=0,
        le=1,
        description="By how much the recall of any class may be lower than the champion's.",
        examples=[0.05],
    )
    significance: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Below this p value of McNemar's exact test a difference is significant.",
        examples=[0.05],
    )
    require: Require = Field(
        "not_worse",
        description="`not_worse`: not significantly worse than the champion; `better`: "
        "significantly better.",
        examples=["not_worse"],
    )


class SetGate(GateRule):
    """The gate that a model shall have."""

    dataset_id: DatasetId
    split: SplitChoice = None


class Gate(GateRule):
    """What a version must pass before `champion` may be pointed to it."""

    dataset_id: str = Field(
        description="Whose images decide.", examples=["ds_01k0w1rhzekvcw9wykj3fymg"]
    )
    dataset_digest: str = Field(description="Which images they are.", examples=["2c26b46b…"])
    split: Split = Field(description="Which of them decide.", examples=["test"])


class ClassDrop(ApiModel):
    """A class that the candidate finds less often than the champion."""

    class_name: str = Field(description="The class.", examples=["ants"])
    champion_recall: float = Field(
        ge=0, le=1, description="Share of its images that the champion gets right.", examples=[0.9]
    )
    candidate_recall: float = Field(
        ge=0, le=1, description="The same of the candidate.", examples=[0.8]
    )
    drop: float = Field(ge=0, le=1, description="Their difference.", examples=[0.1])


class GateVerdict(ApiModel):
    """What a gate says of a candidate; figures of the champion are null where there was none."""

    passed: bool = Field(description="Whether the candidate may be promoted.", examples=[True])
    dataset_id: str = Field(
        description="Whose images decided.", examples=["ds_01k0w1rhzekvcw9wykj3fymg"]
    )
    split: Split = Field(description="Which of them.", examples=["test"])
    num_images: int = Field(ge=1, description="How many.", examples=[153])
    candidate_version: int = Field(
        ge=1, le=MAX_VERSION, description="The version to be promoted.", examples=[3]
    )
    candidate_accuracy: float = Field(
        ge=0, le=1, description="Its share of right answers.", examples=[0.94]
    )
    champion_version: int | None = Field(description="The version before.", examples=[2])
    champion_accuracy: float | None = Field(
        description="Its share of right answers.", examples=[0.92]
    )
    only_champion_right: int | None = Field(
        description="Images that the champion alone gets right.", examples=[4]
    )
    only_candidate_right: int | None = Field(
        description="Images that the candidate alone gets right.", examples=[7]
    )
    p_value: float | None = Field(
        description="Of McNemar's exact test, two-sided: how often two equally good versions "
        "differ at least so much on these images.",
        examples=[0.549],
    )
    class_drops: list[ClassDrop] = Field(
        description="Classes that the candidate finds less often, the largest drop first."
    )
    reasons: list[str] = Field(description="Why it did not pass; empty if it did.", examples=[[]])
    warnings: list[str] = Field(
        description="What limits the verdict: versions that have seen these images, classes "
        "without any.",
        examples=[[]],
    )
