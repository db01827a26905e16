"""Response schemas of paired tests: two models on the same images."""

from typing import Literal

from pydantic import Field

from app.web.schemas import ApiModel

Outcome = Literal["only_this_right", "only_other_right", "both_wrong"]


class PairedTest(ApiModel):
    """A comparison of two models that predicted the same images."""

    num_images: int = Field(description="Number of images of the split.", examples=[153])
    both_right: int = Field(description="Images that both predict correctly.", examples=[137])
    only_this_right: int = Field(
        description="Images that only this job or version predicts correctly.", examples=[9]
    )
    only_other_right: int = Field(
        description="Images that only the other one predicts correctly.", examples=[3]
    )
    both_wrong: int = Field(description="Images that both predict wrongly.", examples=[4])
    accuracy: float = Field(
        description="Accuracy of this job or version, 0 to 1.", examples=[0.9542]
    )
    other_accuracy: float = Field(description="Accuracy of the other, 0 to 1.", examples=[0.915])
    difference: float = Field(
        description="`accuracy` minus `other_accuracy`, -1 to 1.", examples=[0.0392]
    )
    difference_interval: tuple[float, float] = Field(
        description="95 % confidence interval of the difference for paired images (Newcombe, 1998, "
        "method 10); it only covers the sampling of images.",
        examples=[[-0.0083, 0.0915]],
    )
    p_value: float = Field(
        description="Two-sided p value of McNemar's exact test, 0 to 1: how often at least such an "
        "imbalance of `only_this_right` and `only_other_right` occurs by chance if both are "
        "equally good.",
        examples=[0.146],
    )


class Disagreement(ApiModel):
    """An image that two models predict as different classes."""

    image_id: int = Field(description="Id of the image in this job's dataset.", examples=[301])
    path: str = Field(description="Path in the archive.", examples=["val/bees/149973093.jpg"])
    label: str = Field(description="Label in the dataset.", examples=["bees"])
    outcome: Outcome = Field(description="Which of the two is right, if any.")
    predicted: str = Field(description="This job's prediction.", examples=["bees"])
    probability: float = Field(
        description="Its probability, 0 to 1, calibrated as in `POST /predict`.", examples=[0.83]
    )
    other_predicted: str = Field(description="The other job's prediction.", examples=["ants"])
    other_probability: float = Field(
        description="Its probability, 0 to 1, calibrated as in `POST /predict`.", examples=[0.61]
    )
    thumbnail_url: str | None = Field(
        description="URL of a thumbnail; null if the dataset has been deleted.",
        examples=["/datasets/ds_01k0w1rhzekvcw9wykj3fymg/images/301?size=128"],
    )
