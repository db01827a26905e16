"""The report of a trained model, from its scores of images it was not trained on."""

from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor

from app.jobs.report_schemas import (
    MAX_MISTAKES,
    CalibrationFigures,
    CoveragePoint,
    CrossValidation,
    Mistake,
    ReliabilityBin,
    Report,
)
from app.ml.trust import calibration
from app.ml.trust.conformal import count_labels, find_threshold
from app.ml.trust.figures import SplitFigures
from app.ml.trust.intervals import is_difference_insignificant
from worker.training.evaluation.expected_accuracy import measure_share, weigh_images
from worker.training.evaluation.figures import measure_split
from worker.training.evaluation.label_errors import check_labels
from worker.training.evaluation.scored import Scored

COVERAGES = (
    *(0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85),
    *(0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995),
)
"""Coverages of the report's curve; the interesting ones, above 0.9, are closer together."""


_MIN_GAP = 0.02
"""Difference of accuracies between splits below which there is no warning."""


def evaluate(
    class_names: Sequence[str], val: Scored, *, test: Scored | None, out_of_fold: Scored | None
) -> Report:
    """Return the report of a job's best checkpoint.

    val and test are all images of those splits; out_of_fold are the training images, each scored by
    a model that had not seen it, or None where no such model was made.
    """
    figures = measure_split(class_names, val)
    return Report(
        **dict(figures),
        class_names=list(class_names),
        test=measure_split(class_names, test) if test else None,
        calibration=measure_calibration(val),
        coverage_curve=measure_coverage(val),
        mistakes=list_mistakes(class_names, val),
        cross_validation=out_of_fold and compare_splits(figures, val.targets, out_of_fold),
        label_check=check_labels(class_names, out_of_fold),
    )


def compare_splits(val: SplitFigures, val_targets: Tensor, out_of_fold: Scored) -> CrossValidation:
    """Return the cross-validated accuracy, with a warning where the validation accuracy is lower.

    Heads are cross-validated on fewer images than the model learned, so the warning is
    conservative. val_targets: int64 [num_images].
    """
    accuracy = measure_share(
        out_of_fold.predicted == out_of_fold.targets, weigh_images(out_of_fold.targets, val_targets)
    )
    is_lower = accuracy.value - val.accuracy >= _MIN_GAP and not is_difference_insignificant(
        accuracy.value, accuracy.low, val.accuracy, val.accuracy_interval[1]
    )
    warning = (
        f"The validation accuracy is {val.accuracy:.3f}, but the cross-validated accuracy on the "
        f"training images is {accuracy.value:.3f}. Either the validation images are harder, come "
        "from another source or are labelled differently, or many training images are nearly the "
        "same. Expect the accuracy of the split that your own images resemble."
    )
    return CrossValidation(
        num_images=len(out_of_fold),
        accuracy=accuracy.value,
        accuracy_interval=(accuracy.low, accuracy.high),
        warning=warning if is_lower else None,
    )


def measure_calibration(val: Scored) -> CalibrationFigures:
    """Return the temperature, and the calibration without it and, cross-fitted, with it."""
    temperature, scaled = val.calibrated.temperature, val.calibrated.across
    before = calibration.reliability_curve(val.logits, val.targets)
    error_after = log_loss_after = curve_after = None
    if scaled is not None:
        curve_after = calibration.reliability_curve(scaled, val.targets)
        error_after = calibration.expected_calibration_error(curve_after)
        log_loss_after = calibration.log_loss(scaled, val.targets)
    return CalibrationFigures(
        temperature=temperature.value,
        reason=temperature.reason,
        error_before=calibration.expected_calibration_error(before),
        error_after=error_after,
        log_loss_before=calibration.log_loss(val.logits, val.targets),
        log_loss_after=log_loss_after,
        curve_before=_view(before),
        curve_after=_view(curve_after) if curve_after else None,
    )


def measure_coverage(val: Scored) -> list[CoveragePoint] | None:
    """Return the size of the label sets by coverage; None for a single image.

    Thresholds are those of `POST /predict`. The probabilities are cross-fitted like those behind
    the thresholds, so that no image is divided by a temperature fitted on itself.
    """
    if val.calibrated.across is None:
        return None
    probabilities = val.calibrated.across.softmax(1)
    own = probabilities.gather(1, val.targets[:, None])[:, 0]
    conformity = own.sort().values
    is_right = val.predicted == val.targets
    points = []
    for coverage in COVERAGES:
        threshold = find_threshold(conformity, coverage)
        sizes = count_labels(probabilities, threshold)
        is_covered = (own >= threshold) | is_right
        points.append(
            CoveragePoint(
                coverage=coverage,
                mean_set_size=float(sizes.double().mean()),
                share_abstained=float((sizes > 1).double().mean()),
                share_covered=float(is_covered.double().mean()),
            )
        )
    return points


def list_mistakes(class_names: Sequence[str], scored: Scored) -> list[Mistake]:
    """List the mistakes with the highest confidence, at most MAX_MISTAKES."""
    confidences, predicted = scored.logits.double().softmax(1).max(1)
    wrong = (predicted != scored.targets).nonzero()[:, 0]
    order = wrong[confidences[wrong].argsort(descending=True, stable=True)]
    return [
        Mistake(
            image_id=scored.image_ids[index],
            path=scored.paths[index],
            label=class_names[int(scored.targets[index])],
            predicted=class_names[int(predicted[index])],
            probability=float(confidences[index]),
        )
        for index in order[:MAX_MISTAKES].tolist()
    ]


def _view(curve: Sequence[calibration.Bin]) -> list[ReliabilityBin]:
    return [ReliabilityBin(**asdict(part)) for part in curve]
