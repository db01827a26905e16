"""Schema of a suspected label error, used by the reports of jobs and datasets."""

from pydantic import Field

from app.web.schemas import ApiModel


class LabelError(ApiModel):
    """A training image that is probably labelled wrongly."""

    image_id: int = Field(description="Id of the image in the dataset.", examples=[17])
    path: str = Field(description="Path in the archive.", examples=["train/ants/1030023514.jpg"])
    label: str = Field(description="Label in the dataset.", examples=["ants"])
    suggested_label: str = Field(description="The most probable other class.", examples=["bees"])
    probability: float = Field(
        description="Probability of the suggested class, 0 to 1, from a model that was trained "
        "without this image.",
        examples=[0.97],
    )
    error_probability: float | None = Field(
        None,
        description="Probability that the label is wrong, 0 to 1; null in older reports.",
        examples=[0.88],
    )
