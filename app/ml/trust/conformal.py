"""Choose label sets that contain the true label with a given probability (conformal prediction).

Split conformal prediction with the least ambiguous sets (Sadinle, Lei & Wasserman, "Least Ambiguous
Set-Valued Classifiers with Bounded Error Levels", JASA 2019): a label is in the set if its
probability reaches a threshold, which is a quantile of the probabilities of the true classes of
held-out images. For images from the same distribution, the share of sets with the true label is at
least the coverage, for any model.
"""

import math

from torch import Tensor

_ROUNDING = 1e-9
"""Subtracted before rounding up: as a float, 0.95 is slightly more than 0.95."""


def find_rank(num_images: int, coverage: float) -> int | None:
    """Return the conformal rank ceil((num_images + 1) * coverage), counted from 1.

    The value of a new exchangeable image is at most that of this rank with at least this
    probability. None where there are too few images.
    """
    rank = math.ceil((num_images + 1) * coverage - _ROUNDING)
    return rank if rank <= num_images else None


def find_threshold(conformity: Tensor, coverage: float) -> float:
    """Return the lowest probability of a label in the set; 0 (all labels) with too few images.

    conformity: float32 [num_images], ascending, the probability of each held-out image's class.
    """
    rank = find_rank(len(conformity), coverage)
    return 0.0 if rank is None else float(conformity[-rank])


def choose_labels(probabilities: Tensor, threshold: float) -> list[int]:
    """Choose the classes of an image's set, the most probable first.

    probabilities: float [num_classes].

    The most probable class is always in the set. Otherwise a model whose accuracy exceeds the
    coverage would give empty sets.
    """
    order = probabilities.sort(descending=True, stable=True)
    num_labels = int(count_labels(probabilities[None], threshold))
    return order.indices[:num_labels].tolist()


def count_labels(probabilities: Tensor, threshold: float) -> Tensor:
    """Count the classes of each image's set: int64 [num_images], at least 1.

    probabilities: float [num_images, num_classes].
    """
    return (probabilities >= threshold).sum(1).clamp_min(1)
