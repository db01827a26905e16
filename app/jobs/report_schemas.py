"""Schemas of a job's report: metrics, calibration, mistakes and label errors of its model.

The training process creates the report, so this module imports neither SQL nor the web framework.
"""

from pydantic import Field

from app.datasets.label_errors import LabelError
from app.ml.trust.figures import SplitFigures
from app.web.schemas import ApiModel

MAX_MISTAKES = 20


class ReliabilityBin(ApiModel):
    """A bin of images by confidence; in a calibrated model, confidence and accuracy are equal."""

    lower: float = Field(description="Lower end of the bin, exclusive.", examples=[0.8])
    upper: float = Field(description="Upper end of the bin, inclusive.", examples=[0.8667])
    num_images: int = Field(description="Number of images in the bin.", examples=[12])
    confidence: float | None = Field(
        description="Mean probability of the predicted class; null in an empty bin.",
        examples=[0.83],
    )
    accuracy: float | None = Field(
        description="Accuracy of the images; null in an empty bin.", examples=[0.75]
    )


class CalibrationFigures(ApiModel):
    """Calibration before and after temperature scaling (Guo et al., 2017)."""

    temperature: float = Field(
        description="Divisor of the logits before the softmax, fitted on the validation images; "
        "above 1 the model is overconfident. It does not change the predicted class.",
        examples=[1.3],
    )
    reason: str | None = Field(
        description="Why the temperature could not be fitted; null if it was.",
        examples=[None],
    )
    error_before: float = Field(
        description="Expected calibration error without temperature: mean distance between "
        "confidence and accuracy over 15 bins of equal width, 0 to 1. With few images it is biased "
        "upwards.",
        examples=[0.06],
    )
    error_after: float | None = Field(
        description="Expected calibration error with temperature, cross-fitted: each fifth of the "
        "images uses the temperature fitted on the other images. Null for a single image.",
        examples=[0.03],
    )
    log_loss_before: float = Field(description="Mean cross-entropy in nats.", examples=[0.22])
    log_loss_after: float | None = Field(
        description="Mean cross-entropy with temperature, cross-fitted; null for a single image.",
        examples=[0.2],
    )
    curve_before: list[ReliabilityBin] = Field(description="15 bins without temperature.")
    curve_after: list[ReliabilityBin] | None = Field(
        description="15 bins with temperature, cross-fitted; null for a single image."
    )


class CoveragePoint(ApiModel):
    """The label sets of the validation images for one `coverage` of `POST /predict`."""

    coverage: float = Field(
        description="Requested share of sets that include the label, 0.5 to 0.995.",
        examples=[0.9],
    )
    mean_set_size: float = Field(
        description="Mean number of labels in a set, at least 1.", examples=[1.08]
    )
    share_abstained: float = Field(
        description="Share of sets with more than one label, 0 to 1: the model does not decide.",
        examples=[0.08],
    )
    share_covered: float = Field(
        description="Share of sets that include the label, 0 to 1. These images also set the "
        "thresholds, so it is at least `coverage` here; for new images like these it is so on "
        "average.",
        examples=[0.961],
    )


class Mistake(ApiModel):
    """A misclassified validation image."""

    image_id: int = Field(description="Id of the image in the dataset.", examples=[301])
    path: str = Field(description="Path in the archive.", examples=["val/bees/149973093.jpg"])
    label: str = Field(description="Label in the dataset.", examples=["bees"])
    predicted: str = Field(description="Predicted class.", examples=["ants"])
    probability: float = Field(
        description="Probability of the predicted class, 0 to 1, uncalibrated.",
        examples=[0.99],
    )
    thumbnail_url: str | None = Field(
        None,
        description="URL of a thumbnail; null if the dataset has been deleted.",
        examples=["/datasets/ds_01k0w1rhzekvcw9wykj3fymg/images/301?size=128"],
    )


class LabelCheck(ApiModel):
    """Suspected label errors in train, in the order of the probability that they are errors."""

    num_images: int = Field(
        description="Number of checked training images; classes with fewer than five images are "
        "not checked.",
        examples=[244],
    )
    num_suspects: int = Field(description="Number of suspected label errors.", examples=[1])
    expected_precision: float | None = Field(
        None,
        description="Expected share of the suspects that really are label errors, 0.5 to 1: the "
        "list ends where it would fall below a half. Null without suspects and in older reports.",
        examples=[0.81],
    )
    suspects: list[LabelError] | None = Field(
        description="The first 1,000 suspected label errors, the most probable first; null if no "
        "label could be checked."
    )
    reason: str | None = Field(
        description="Why no label could be checked; null if labels were checked.", examples=[None]
    )


class CrossValidation(ApiModel):
    """Accuracy of a solved head on training images that it was not fitted to."""

    num_images: int = Field(description="Number of training images.", examples=[244])
    accuracy: float = Field(
        description="Share of them that heads fitted to the others predict correctly, 0 to 1. Each "
        "class counts as often as in the validation split.",
        examples=[0.926],
    )
    accuracy_interval: tuple[float, float] = Field(
        description="95 % confidence interval of the accuracy (Wilson, 1927).",
        examples=[[0.886, 0.953]],
    )
    warning: str | None = Field(
        description="Set where the validation accuracy is lower by at least two points, and "
        "significantly: the splits differ. Null otherwise.",
        examples=[None],
    )


class Report(SplitFigures):
    """Metrics of the best checkpoint; the metrics at the top level are of the validation split."""

    class_names: list[str] = Field(
        description="Class names in the order of rows, columns and `per_class`.",
        examples=[["ants", "bees"]],
    )
    test: SplitFigures | None = Field(
        description="The same metrics on the test split, which is used for nothing else; null if "
        "the dataset has none."
    )
    calibration: CalibrationFigures = Field(description="Calibration of the probabilities.")
    coverage_curve: list[CoveragePoint] | None = Field(
        None,
        description="Size of the label sets that `POST /predict` returns, in ascending order of "
        "`coverage`. Null for a single validation image, and in older reports.",
    )
    mistakes: list[Mistake] = Field(
        description=f"At most {MAX_MISTAKES} misclassified validation images, the most confident "
        "first."
    )
    cross_validation: CrossValidation | None = Field(
        None,
        description="Accuracy on training images that the solved head was not fitted to. Null "
        "where no head was cross-validated, and in older reports.",
    )
    label_check: LabelCheck = Field(description="Suspected label errors in train.")
