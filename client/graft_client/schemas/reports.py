"""The report of a job: metrics, calibration, mistakes and label errors."""

from typing import Any

from graft_client.schemas.base import Schema


class ClassFigures(Schema):
    """Metrics of one class, 0-1; None where a metric would be 0/0."""

    class_name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    recall_interval: tuple[float, float] | None = None


class SplitFigures(Schema):
    """Metrics on one split; rows of the confusion matrix are true classes."""

    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    per_class: list[ClassFigures]
    confusion_matrix: list[list[int]]


class ReliabilityBin(Schema):
    """A bin of the reliability diagram; None for a bin without images."""

    lower: float
    upper: float
    num_images: int
    confidence: float | None
    accuracy: float | None


class Calibration(Schema):
    """Calibration errors, 0-1, and log losses before and after temperature scaling."""

    temperature: float
    reason: str | None
    error_before: float
    error_after: float | None
    log_loss_before: float
    log_loss_after: float | None
    curve_before: list[ReliabilityBin]
    curve_after: list[ReliabilityBin] | None


class Mistake(Schema):
    """A misclassified validation image."""

    image_id: int
    path: str
    label: str
    predicted: str
    probability: float
    thumbnail_url: str | None


class LabelError(Schema):
    """A training image that is probably labelled wrongly."""

    image_id: int
    path: str
    label: str
    suggested_label: str
    probability: float
    error_probability: float | None = None


class LabelCheck(Schema):
    """Suspected label errors; suspects is None if no label could be checked."""

    num_images: int
    num_suspects: int
    expected_precision: float | None = None
    suspects: list[LabelError] | None
    reason: str | None


class CoveragePoint(Schema):
    """The sizes of prediction sets at a coverage; shares are 0-1."""

    coverage: float
    mean_set_size: float
    share_abstained: float
    share_covered: float


class CrossValidation(Schema):
    """Accuracy of a solved head on training images that it was not fitted to."""

    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    warning: str | None


class Report(SplitFigures):
    """The report of a job; the metrics at the top level are of the validation split."""

    job_id: str
    class_names: list[str]
    test: SplitFigures | None
    calibration: Calibration
    mistakes: list[Mistake]
    label_check: LabelCheck
    cross_validation: CrossValidation | None = None
    coverage_curve: list[CoveragePoint] | None = None

    def __repr__(self) -> str:
        low, high = self.accuracy_interval
        return (
            f"<Report on {self.job_id}: accuracy {self.accuracy:.3f} ({low:.3f}-{high:.3f}) on "
            f"{self.num_images} images>"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from graft_client.display.html import report_html  # noqa: PLC0415 - only notebooks need it

        return report_html(self)

    def to_pandas(self) -> Any:
        """Return the metrics by class as a pandas.DataFrame; raises MissingDependency."""
        from graft_client.optional import require  # noqa: PLC0415 - rarely needed

        pandas = require("pandas", "to_pandas()")
        rows = [figures.model_dump() for figures in self.per_class]
        return pandas.DataFrame(rows).set_index("class_name")
