"""Label errors, found by a model that was not trained on the labels in question.

Confident learning: Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels", JAIR 70 (2021), §3.1 and the off-diagonals of the confident joint (§3.2).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from app.datasets.label_errors import LabelError
from app.datasets.report import MAX_LISTED
from app.jobs.report_schemas import LabelCheck
from worker.training.evaluation.scored import Scored

MIN_IMAGES = 5
"""Images of a class: with fewer, hardly any are left to learn it from out of fold."""


def check_labels(class_names: Sequence[str], out_of_fold: Scored | None) -> LabelCheck:
    """Return the training images with suspected label errors, the smallest margin first.

    out_of_fold are the training images, each scored by a model that had not seen it.
    """
    if out_of_fold is None:
        return _not_checked("No training image was scored by a model that was not trained on it.")
    counts = torch.bincount(out_of_fold.targets, minlength=len(class_names))
    is_checked = counts >= MIN_IMAGES
    if int(is_checked.sum()) < 2:  # noqa: PLR2004 - a label needs an alternative
        return _not_checked(f"Fewer than two classes have {MIN_IMAGES} training images.")
    probabilities = out_of_fold.logits.double().softmax(1)
    suggested = suggest_labels(probabilities, out_of_fold.targets, is_checked)
    found = ((suggested >= 0) & (suggested != out_of_fold.targets)).nonzero()[:, 0]
    own, other = out_of_fold.targets[found], suggested[found]
    margins = probabilities[found, own] - probabilities[found, other]
    order = found[margins.argsort(stable=True)][:MAX_LISTED].tolist()
    return LabelCheck(
        num_images=int(counts[is_checked].sum()),
        num_suspects=len(found),
        suspects=[
            LabelError(
                image_id=out_of_fold.image_ids[index],
                path=out_of_fold.paths[index],
                label=class_names[int(out_of_fold.targets[index])],
                suggested_label=class_names[int(suggested[index])],
                probability=float(probabilities[index, suggested[index]]),
            )
            for index in order
        ],
        reason=None,
    )


def suggest_labels(probabilities: Tensor, targets: Tensor, is_checked: Tensor) -> Tensor:
    """Return the class that each image resembles, or -1 for none: int64 [num_images].

    An image resembles a class where its probability reaches the mean that the class has among the
    images labelled so; of several such classes it resembles the most probable. probabilities are
    float [num_images, num_classes], out of fold; only the classes of is_checked, bool
    [num_classes], and their images are considered.
    """
    num_classes = probabilities.shape[1]
    own = probabilities.gather(1, targets[:, None])[:, 0]
    sums = torch.zeros(num_classes, dtype=own.dtype).index_add_(0, targets, own)
    thresholds = sums / torch.bincount(targets, minlength=num_classes)
    is_like = (probabilities >= thresholds) & is_checked
    best, suggested = probabilities.where(is_like, -1.0).max(1)
    return suggested.where((best >= 0) & is_checked[targets], -1)


def _not_checked(reason: str) -> LabelCheck:
    return LabelCheck(num_images=0, num_suspects=0, suspects=None, reason=reason)
