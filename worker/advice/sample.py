"""Which training images a probe looks at."""

from collections.abc import Sequence

import torch

from app.ml.runtime.seeding import derive_seed
from worker.training.data import Sample

MAX_IMAGES = 1000
"""The accuracy over so many is known to 3 points or better, 95 times of 100 (Wilson, 1927)."""

MIN_PER_CLASS = 5
"""One for each fold of the cross-validation."""


def draw_sample(samples: Sequence[Sample], *, max_images: int = MAX_IMAGES) -> list[Sample]:
    """The same share of every class, but at least MIN_PER_CLASS where it has them.

    In the order of the samples and the same every time; more than max_images only where there are
    very many classes.
    """
    share = min(max_images / len(samples), 1.0)
    random = torch.Generator().manual_seed(derive_seed("probe"))
    chosen: set[int] = set()
    for target in sorted({sample.target for sample in samples}):
        places = [place for place, sample in enumerate(samples) if sample.target == target]
        wanted = max(round(share * len(places)), min(MIN_PER_CLASS, len(places)))
        drawn = torch.randperm(len(places), generator=random)[:wanted].tolist()
        chosen.update(places[number] for number in drawn)
    return [samples[place] for place in sorted(chosen)]


def halve(targets: torch.Tensor) -> torch.Tensor:
    """The places of half of the images of each class, int64; a class's only image is kept."""
    taken: list[int] = []
    for target in sorted(set(targets.tolist())):
        places = (targets == target).nonzero()[:, 0].tolist()
        taken += places[: (len(places) + 1) // 2]
    return torch.tensor(sorted(taken))
