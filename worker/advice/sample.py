"""Draw the training images for a probe."""

from collections.abc import Sequence

import torch

from app.ml.runtime.seeding import derive_seed
from worker.training.data import Sample

MAX_IMAGES = 1000
"""The 95 % interval of an accuracy on this many images is at most ±3 points (Wilson, 1927)."""

MIN_PER_CLASS = 5
"""One image for each fold of the cross-validation."""


def draw_sample(samples: Sequence[Sample], *, max_images: int = MAX_IMAGES) -> list[Sample]:
    """Draw the same share of every class, but at least MIN_PER_CLASS where there are as many.

    The draw is deterministic and keeps the order of the samples. It exceeds max_images only with
    very many classes.
    """
    share = min(max_images / len(samples), 1.0)
    random = torch.Generator().manual_seed(derive_seed("probe"))
    chosen: set[int] = set()
    for target in sorted({sample.target for sample in samples}):
        positions = [position for position, sample in enumerate(samples) if sample.target == target]
        wanted = max(round(share * len(positions)), min(MIN_PER_CLASS, len(positions)))
        drawn = torch.randperm(len(positions), generator=random)[:wanted].tolist()
        chosen.update(positions[number] for number in drawn)
    return [samples[position] for position in sorted(chosen)]


def halve(targets: torch.Tensor) -> torch.Tensor:
    """Return the positions, int64 and ascending, of half of each class's images, at least two.

    The draw is deterministic: neighbours are often alike, and would make an easier half.
    """
    random = torch.Generator().manual_seed(derive_seed("half"))
    taken: list[int] = []
    for target in sorted(set(targets.tolist())):
        positions = (targets == target).nonzero()[:, 0]
        shuffled = positions[torch.randperm(len(positions), generator=random)]
        taken += shuffled[: max((len(positions) + 1) // 2, 2)].tolist()
    return torch.tensor(sorted(taken))
