"""Confusion matrix and the metrics derived from it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from app.ml.trust.figures import ClassFigures, SplitFigures
from app.ml.trust.intervals import wilson_interval
from worker.training.evaluation.scored import Scored


def measure_split(class_names: Sequence[str], scored: Scored) -> SplitFigures:
    """Return the metrics of one split."""
    matrix = count_confusions(scored.targets, scored.predicted, len(class_names))
    num_right = int(matrix.diagonal().sum())
    per_class = measure_classes(class_names, matrix)
    return SplitFigures(
        num_images=len(scored),
        accuracy=num_right / len(scored),
        accuracy_interval=wilson_interval(num_right / len(scored), len(scored)),
        balanced_accuracy=mean_recall(matrix.diagonal(), matrix.sum(1)),
        macro_f1=_mean([figures.f1 for figures in per_class]),
        per_class=per_class,
        confusion_matrix=matrix.tolist(),
    )


def count_confusions(targets: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Count images by target (rows) and predicted class (columns): int64 [classes, classes]."""
    cells = torch.bincount(targets * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def measure_balanced_accuracy(targets: Tensor, predicted: Tensor, num_classes: int) -> float:
    """Return the balanced accuracy, 0..1; targets and predicted are int64 [num_images]."""
    right = targets[predicted == targets]
    return mean_recall(*(torch.bincount(one, minlength=num_classes) for one in (right, targets)))


def mean_recall(num_right: Tensor, num_images: Tensor) -> float:
    """Return the mean recall, 0..1, over the classes with images; both counts are [num_classes]."""
    has_images = num_images > 0
    return (num_right[has_images].double() / num_images[has_images]).mean().item()


def measure_classes(class_names: Sequence[str], matrix: Tensor) -> list[ClassFigures]:
    """Return precision, recall, its interval and F1 of each class; None instead of 0/0."""
    rights = matrix.diagonal().tolist()
    supports = matrix.sum(1).tolist()
    predictions = matrix.sum(0).tolist()
    return [
        ClassFigures(
            class_name=name,
            precision=_ratio(right, predicted),
            recall=_ratio(right, support),
            recall_interval=wilson_interval(right / support, support) if support else None,
            f1=_ratio(2 * right, predicted + support),
            support=support,
        )
        for name, right, support, predicted in zip(
            class_names, rights, supports, predictions, strict=True
        )
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float | None]) -> float:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined)
