"""Compute out-of-distribution scores: an image's distance from its nearest training images.

The API calls the score `novelty`.

Sun, Ming, Zhu & Li, "Out-of-Distribution Detection with Deep Nearest Neighbors" (ICML 2022):
features are scaled to unit length, and the score is the distance to the k-th nearest. Features are
the head's inputs, float [num_images, num_features].
"""

import torch
from torch import Tensor

from app.ml.trust.conformal import find_rank

NUM_NEAREST = 1
"""k. The best of 1, 5, 10 and 50 on the images of `benchmarks/novelty.py`. The paper uses a larger
k with far more images."""

MAX_KEPT = 2000
"""The largest number of stored training images; in the paper, 1 % are nearly enough."""

MAX_VALUES = 2**20
"""The largest number of stored values, so that the comparison of an image with them is far cheaper
than decoding it. At least one image per class is stored in any case."""

IN_DISTRIBUTION_SHARE = 0.95
"""The share of in-distribution images that are not flagged."""


def count_kept(num_features: int, num_classes: int) -> int:
    """Return the number of training images to store."""
    return min(MAX_KEPT, max(MAX_VALUES // num_features, num_classes))


def to_unit_length(features: Tensor) -> Tensor:
    """Scale each image's features to length 1, float32; zero features stay zero."""
    return torch.nn.functional.normalize(features.float(), dim=1)


def measure_distances(features: Tensor, neighbours: Tensor) -> Tensor:
    """Compute each image's distance from its k-th nearest neighbour: float32 [num_images], 0 to 2.

    neighbours: unit features, float32 [num_kept, num_features]. With fewer than k neighbours, the
    farthest one counts.
    """
    similarity = to_unit_length(features) @ neighbours.T
    nearest = similarity.topk(min(NUM_NEAREST, len(neighbours)), dim=1).values[:, -1]
    return (2 - 2 * nearest).clamp_min(0).sqrt()


def find_limit(distances: Tensor) -> float | None:
    """Return the distance above which an image counts as out of distribution.

    At most one in twenty in-distribution images exceeds it. distances: float32 [num_val],
    ascending. None for fewer than 19 validation images, which do not determine that quantile.
    """
    rank = find_rank(len(distances), IN_DISTRIBUTION_SHARE)
    return None if rank is None else float(distances[rank - 1])
