"""Counts of right and wrong, and what is made of them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from app.jobs.report_schemas import ClassFigures, SplitFigures
from worker.training.evaluation.scored import Scored

Z_95 = 1.959964
"""The normal distribution's 97.5 % quantile."""


def measure_split(class_names: Sequence[str], scored: Scored) -> SplitFigures:
    """The figures of one split."""
    matrix = count_confusions(scored.targets, scored.predicted, len(class_names))
    num_right = int(matrix.diagonal().sum())
    per_class = measure_classes(class_names, matrix)
    return SplitFigures(
        num_images=len(scored),
        accuracy=num_right / len(scored),
        accuracy_interval=wilson_interval(num_right, len(scored)),
        balanced_accuracy=_mean([figures.recall for figures in per_class]),
        macro_f1=_mean([figures.f1 for figures in per_class]),
        per_class=per_class,
        confusion_matrix=matrix.tolist(),
    )


def count_confusions(targets: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """int64 [num_classes, num_classes]: images by target (rows) and predicted class (columns)."""
    cells = torch.bincount(targets * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def measure_classes(class_names: Sequence[str], matrix: Tensor) -> list[ClassFigures]:
    """Precision, recall and F1 of each class of a confusion matrix; None instead of 0/0."""
    rights = matrix.diagonal().tolist()
    supports = matrix.sum(1).tolist()
    predictions = matrix.sum(0).tolist()
    return [
        ClassFigures(
            class_name=name,
            precision=_ratio(right, predicted),
            recall=_ratio(right, support),
            f1=_ratio(2 * right, predicted + support),
            support=support,
        )
        for name, right, support, predicted in zip(
            class_names, rights, supports, predictions, strict=True
        )
    ]


def wilson_interval(num_right: int, num_images: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, "Probable inference", 1927); never beyond 0 to 1."""
    share, weight = num_right / num_images, Z_95**2 / num_images
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float | None]) -> float:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined)
