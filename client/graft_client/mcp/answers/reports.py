"""The report of a job, without what grows with the square of the classes."""

from typing import Self

from pydantic import Field

from graft_client.mcp.answers.base import Answer
from graft_client.schemas.reports import ClassFigures, LabelError, Report, SplitFigures

_MAX_CLASSES = 20
_MAX_CONFUSIONS = 20


class Figures(Answer):
    """Metrics on one split, 0-1; the interval is of 95 %."""

    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float

    @classmethod
    def of(cls, split: SplitFigures) -> Self:
        return cls(**{name: getattr(split, name) for name in cls.model_fields})


class Confusion(Answer):
    """A number of images of one class that were predicted as another."""

    label: str
    predicted: str
    num_images: int


class WrongImage(Answer):
    """A misclassified validation image."""

    path: str
    label: str
    predicted: str
    probability: float


class ReportSummary(Answer):
    """The report of a job: how good its model is, and where it is wrong."""

    job_id: str
    num_classes: int
    validation: Figures = Field(
        description="The validation images also chose the best epoch, so these figures are a "
        "little too high."
    )
    test: Figures | None = Field(description="On images that nothing else has used, if any.")
    cross_validated_accuracy: float | None = Field(
        description="Of a solved head, on training images that it was not fitted to, 0-1."
    )
    split_warning: str | None = Field(
        description="Set where the validation accuracy is significantly lower than that."
    )
    weakest_classes: list[ClassFigures] = Field(description="Lowest recall first.")
    confusions: list[Confusion] = Field(description="The most frequent ones.")
    mistakes: list[WrongImage] = Field(description="The most confident ones.")
    calibration_error: float = Field(description="Of the stated probabilities, 0-1.")
    num_suspect_labels: int
    suspect_labels: list[LabelError] = Field(
        description="Training images that are probably labelled wrongly, the surest first."
    )
    expected_label_precision: float | None = Field(
        description="Expected share of the suspect labels that really are wrong, 0.5-1."
    )
    label_check_reason: str | None = Field(description="Why no label could be checked.")

    @classmethod
    def of(cls, report: Report, num_mistakes: int) -> Self:
        calibration, check = report.calibration, report.label_check
        held_out = report.cross_validation
        worst = sorted(report.per_class, key=_recall)
        return cls(
            job_id=report.job_id,
            num_classes=len(report.class_names),
            validation=Figures.of(report),
            test=None if report.test is None else Figures.of(report.test),
            cross_validated_accuracy=held_out and held_out.accuracy,
            split_warning=held_out and held_out.warning,
            weakest_classes=worst[:_MAX_CLASSES],
            confusions=_list_confusions(report)[:_MAX_CONFUSIONS],
            mistakes=[
                WrongImage(
                    path=one.path,
                    label=one.label,
                    predicted=one.predicted,
                    probability=one.probability,
                )
                for one in report.mistakes[:num_mistakes]
            ],
            calibration_error=calibration.error_before
            if calibration.error_after is None
            else calibration.error_after,
            num_suspect_labels=check.num_suspects,
            suspect_labels=(check.suspects or [])[:num_mistakes],
            expected_label_precision=check.expected_precision,
            label_check_reason=check.reason,
        )


def _recall(figures: ClassFigures) -> float:
    """Return the recall; a class without images comes last."""
    return 1.0 if figures.recall is None else figures.recall


def _list_confusions(report: Report) -> list[Confusion]:
    names = report.class_names
    found = [
        Confusion(label=names[row], predicted=names[column], num_images=count)
        for row, counts in enumerate(report.confusion_matrix)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return sorted(found, key=lambda one: -one.num_images)
