"""Response schemas of a job's predictions of single images."""

from typing import Literal

from pydantic import Field

from app.web.schemas import ApiModel

Order = Literal["image", "probability"]


class ImagePrediction(ApiModel):
    """The best checkpoint's prediction of an image that it was not trained on."""

    image_id: int = Field(description="Id of the image in the job's dataset.", examples=[301])
    path: str = Field(description="Path in the archive.", examples=["val/bees/149973093.jpg"])
    label: str = Field(description="Label in the dataset.", examples=["bees"])
    predicted: str = Field(description="Predicted class.", examples=["ants"])
    probability: float = Field(
        description="Probability of the predicted class, 0 to 1, calibrated as in `POST /predict`.",
        examples=[0.98],
    )
    probability_of_label: float = Field(
        description="Probability of the label, 0 to 1, calibrated as in `POST /predict`.",
        examples=[0.02],
    )
    thumbnail_url: str | None = Field(
        description="URL of a thumbnail; null if the dataset has been deleted.",
        examples=["/datasets/ds_01k0w1rhzekvcw9wykj3fymg/images/301?size=128"],
    )
