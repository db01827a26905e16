"""What a finished job's model is worth, on the wire.

The training process fills it in, so this module imports neither SQL nor the web framework.
"""

from pydantic import Field

from app.datasets.label_errors import LabelError
from app.ml.trust.figures import SplitFigures
from app.web.schemas import ApiModel

MAX_MISTAKES = 20


class ReliabilityBin(ApiModel):
    """Images of similar confidence: calibrated where confidence and accuracy agree."""

    lower: float = Field(description="Confidence above which it begins.", examples=[0.8])
    upper: float = Field(description="Confidence at which it ends.", examples=[0.8667])
    num_images: int = Field(description="Images in it.", examples=[12])
    confidence: float | None = Field(
        description="Mean probability of the predicted class; null in an empty bin.",
        examples=[0.83],
    )
    accuracy: float | None = Field(
        description="Share that is right; null in an empty bin.", examples=[0.75]
    )


class CalibrationFigures(ApiModel):
    """Whether 90 % means 90 %, before and after temperature scaling (Guo et al., 2017)."""

    temperature: float = Field(
        description="What logits are to be divided by before the softmax, fitted on the validation "
        "images; above 1 the model is too sure. It changes no label.",
        examples=[1.3],
    )
    reason: str | None = Field(
        description="Why the images do not determine the temperature; null where they do.",
        examples=[None],
    )
    error_before: float = Field(
        description="Expected calibration error of the model as it is: mean distance between "
        "confidence and accuracy over 15 bins of equal width, 0 to 1. With few images it is biased "
        "upwards.",
        examples=[0.06],
    )
    error_after: float | None = Field(
        description="The same with temperature, cross-fitted: each fifth of the images by the "
        "temperature that the other images gave. Null for a single image.",
        examples=[0.03],
    )
    log_loss_before: float = Field(description="Mean cross-entropy in nats.", examples=[0.22])
    log_loss_after: float | None = Field(
        description="The same with temperature, cross-fitted; null for a single image.",
        examples=[0.2],
    )
    curve_before: list[ReliabilityBin] = Field(description="15 bins of the model as it is.")
    curve_after: list[ReliabilityBin] | None = Field(
        description="15 bins with temperature, cross-fitted; null for a single image."
    )


class Mistake(ApiModel):
    """A validation image that the model took for another class."""

    image_id: int = Field(description="Its number in the dataset.", examples=[301])
    path: str = Field(description="In the archive.", examples=["val/bees/149973093.jpg"])
    label: str = Field(description="Its class in the dataset.", examples=["bees"])
    predicted: str = Field(description="What the model took it for.", examples=["ants"])
    probability: float = Field(
        description="That the model gave to the predicted class, 0 to 1, uncalibrated.",
        examples=[0.99],
    )
    thumbnail_url: str | None = Field(
        None,
        description="Where a small picture of it is; null once the dataset has been deleted.",
        examples=["/datasets/ds_01k0w1rhzekvcw9wykj3fymg/images/301?size=128"],
    )


class LabelCheck(ApiModel):
    """Training images whose labels look wrong, by confident learning (Northcutt et al., 2021)."""

    num_images: int = Field(
        description="Training images judged; those of classes with fewer than five are not.",
        examples=[244],
    )
    num_suspects: int = Field(description="How many look wrong, listed or not.", examples=[1])
    suspects: list[LabelError] | None = Field(
        description="The first 1,000, the most doubtful first; null where none could be judged."
    )
    reason: str | None = Field(
        description="Why no label could be judged; null where labels were.", examples=[None]
    )


class Report(SplitFigures):
    """What the best checkpoint is worth; the figures at the top are of the validation split."""

    class_names: list[str] = Field(
        description="The order of rows, columns and `per_class`.", examples=[["ants", "bees"]]
    )
    test: SplitFigures | None = Field(
        description="The same on the test split, which nothing else has looked at; null where "
        "there is none."
    )
    calibration: CalibrationFigures = Field(description="Whether its confidence can be believed.")
    mistakes: list[Mistake] = Field(
        description=f"At most {MAX_MISTAKES} wrong validation images, the most confident first."
    )
    label_check: LabelCheck = Field(description="Training images that may be labelled wrongly.")
