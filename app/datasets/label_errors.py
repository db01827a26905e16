"""Labels that a finished job found doubtful, as they stand in its report and in the dataset's."""

from pydantic import Field

from app.web.schemas import ApiModel


class LabelError(ApiModel):
    """A training image that a model which had not learned it takes for another class."""

    image_id: int = Field(description="Its number in the dataset.", examples=[17])
    path: str = Field(description="In the archive.", examples=["train/ants/1030023514.jpg"])
    label: str = Field(description="Its class in the dataset.", examples=["ants"])
    suggested_label: str = Field(description="The class it looks like.", examples=["bees"])
    probability: float = Field(
        description="Of the suggested class, 0 to 1, by a model that had not learned this image.",
        examples=[0.97],
    )
