"""How many labels an image needs so that its own is among them as often as was asked for.

Split conformal prediction with the least ambiguous sets (Sadinle, Lei & Wasserman, "Least Ambiguous
Set-Valued Classifiers with Bounded Error Levels", JASA 2019): a label is in the set where its
probability is no lower than that which all but a small share of held-out images gave to their own.
For images that are like those, the share of sets with the right label is at least the coverage,
however good or bad the model is.
"""

import math

from torch import Tensor

_ROUNDING = 1e-9
"""So that 0.95 of 100 is not the 96th: 0.95 is a little more than that as a float."""


def find_rank(num_images: int, coverage: float) -> int | None:
    """The place, counted from 1, that a new image takes with this probability or comes before.

    The images stand in any order that the new one could have stood in as well; one more than they
    are, for the new one is among them. None where they are too few to tell.
    """
    rank = math.ceil((num_images + 1) * coverage - _ROUNDING)
    return rank if rank <= num_images else None


def find_threshold(conformity: Tensor, coverage: float) -> float:
    """The least probability with which a label belongs to the set, 0 where all of them do.

    conformity: float32 [num_images], ascending, the probability of each held-out image's own class.
    """
    rank = find_rank(len(conformity), coverage)
    return 0.0 if rank is None else float(conformity[-rank])


def choose_labels(probabilities: Tensor, threshold: float) -> list[int]:
    """The classes of an image's set, the most probable first, from probabilities [num_classes].

    The most probable one is always in it: a model that is right more often than was asked would
    leave sets empty otherwise, and more of them the less is asked.
    """
    order = probabilities.sort(descending=True, stable=True)
    num_labels = int((order.values >= threshold).sum())
    return order.indices[: max(num_labels, 1)].tolist()
