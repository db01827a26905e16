"""Define the API schemas of the figures of a model on a split; imports no torch."""

from pydantic import Field

from app.web.schemas import ApiModel


class ClassFigures(ApiModel):
    """The figures of one class against all others; a figure that would be 0/0 is null."""

    class_name: str = Field(description="The class.", examples=["ants"])
    precision: float | None = Field(
        description="Share of the images predicted as this class that belong to it, 0 to 1; null "
        "where none was predicted.",
        examples=[0.94],
    )
    recall: float | None = Field(
        description="Share of the images of this class that were predicted as it, 0 to 1; null "
        "where the class has no images.",
        examples=[0.91],
    )
    recall_interval: tuple[float, float] | None = Field(
        None,
        description="95 % confidence interval of the recall (Wilson, 1927); it only covers the "
        "sampling of images. Null where the class has no images, and in older reports.",
        examples=[[0.82, 0.96]],
    )
    f1: float | None = Field(
        description="Harmonic mean of both, 2 TP / (2 TP + FP + FN), 0 to 1; null where the class "
        "neither occurs nor was predicted.",
        examples=[0.925],
    )
    support: int = Field(description="Number of images of this class.", examples=[70])


class SplitFigures(ApiModel):
    """The figures of a model on the images of one split."""

    num_images: int = Field(description="Number of images of the split.", examples=[153])
    accuracy: float = Field(description="Share of correct predictions, 0 to 1.", examples=[0.935])
    accuracy_interval: tuple[float, float] = Field(
        description="95 % confidence interval of the accuracy (Wilson, 1927); it only covers the "
        "sampling of images. On the validation split the accuracy is slightly too high, because "
        "the same images chose the best epoch.",
        examples=[[0.884, 0.964]],
    )
    balanced_accuracy: float = Field(
        description="Mean recall of the classes that occur, 0 to 1; all classes weigh the same.",
        examples=[0.932],
    )
    macro_f1: float = Field(
        description="Mean F1 of the classes that occur or were predicted, 0 to 1.", examples=[0.934]
    )
    per_class: list[ClassFigures] = Field(description="In the order of `class_names`.")
    confusion_matrix: list[list[int]] = Field(
        description="Images by true class (rows) and predicted class (columns), in the order of "
        "`class_names`.",
        examples=[[[64, 6], [4, 79]]],
    )
