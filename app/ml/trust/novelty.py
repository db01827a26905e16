"""How unlike the training images an image is, by its distance from the nearest of them.

Sun, Ming, Zhu & Li, "Out-of-Distribution Detection with Deep Nearest Neighbors" (ICML 2022):
features at unit length, the distance from the k-th nearest. Features are what the head is given,
float [num_images, num_features].
"""

import torch
from torch import Tensor

from app.ml.trust.conformal import find_rank

NUM_NEAREST = 1
"""k. Best of 1, 5, 10 and 50 on the pictures of `benchmarks/novelty.py`; the paper takes more, of
far more images."""

MAX_KEPT = 2000
"""Training images that are remembered at most; the paper loses next to nothing with 1 %."""

MAX_VALUES = 2**20
"""Numbers in their features at most, so that comparing an image with them stays far cheaper than
decoding it; one image of each class is remembered even so."""

FAMILIAR = 0.95
"""The share of images like the training's that are not flagged."""


def count_kept(num_features: int, num_classes: int) -> int:
    """How many training images are to be remembered."""
    return min(MAX_KEPT, max(MAX_VALUES // num_features, num_classes))


def to_unit_length(features: Tensor) -> Tensor:
    """Features of length 1 each, float32; all zero where they were."""
    return torch.nn.functional.normalize(features.float(), dim=1)


def measure_distances(features: Tensor, neighbours: Tensor) -> Tensor:
    """How far each image lies from the k-th nearest neighbour: float32 [num_images], 0 to 2.

    neighbours: unit features, float32 [num_kept, num_features]. The farthest of them counts where
    there are fewer than k.
    """
    likeness = to_unit_length(features) @ neighbours.T
    nearest = likeness.topk(min(NUM_NEAREST, len(neighbours)), dim=1).values[:, -1]
    return (2 - 2 * nearest).clamp_min(0).sqrt()


def find_limit(distances: Tensor) -> float | None:
    """The distance above which an image is novel: one like the training's seldom lies there.

    distances: float32 [num_val], ascending. None where validation has fewer than 19 images, which
    cannot tell what one in twenty is.
    """
    rank = find_rank(len(distances), FAMILIAR)
    return None if rank is None else float(distances[rank - 1])
