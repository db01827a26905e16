"""A model's scores of the images of a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from app.errors import Diverged
from app.ml.trust.calibration import Calibrated, calibrate
from worker.training.data import Sample


@dataclass(frozen=True)
class Scored:
    """Images with their labels and a model's logits, all in the same order.

    targets: int64 [num_images], positions in the class names; logits: float32
    [num_images, num_classes], on the CPU. Raises ValueError where lengths or targets do not fit
    and Diverged for logits that are not finite.
    """

    image_ids: list[int]
    paths: list[str]
    targets: Tensor
    logits: Tensor

    def __post_init__(self) -> None:
        num_images, num_classes = self.logits.shape
        if not len(self.image_ids) == len(self.paths) == len(self.targets) == num_images > 0:
            raise ValueError("every image needs a number, a path, a target and logits")
        if not bool(((self.targets >= 0) & (self.targets < num_classes)).all()):
            raise ValueError(f"a target is not in 0..{num_classes - 1}")
        if not bool(self.logits.isfinite().all()):
            raise Diverged("The best epoch's model gives scores that are not finite.")

    @classmethod
    def of(cls, samples: Sequence[Sample], logits: Tensor, paths: Mapping[int, str]) -> Self:
        """Combine samples with their logits, in one order; paths maps image_id to archive path."""
        return cls(
            [sample.image_id for sample in samples],
            [paths[sample.image_id] for sample in samples],
            torch.tensor([sample.target for sample in samples]),
            logits,
        )

    def __len__(self) -> int:
        return len(self.image_ids)

    @cached_property
    def calibrated(self) -> Calibrated:
        """The calibration of the logits."""
        return calibrate(self.logits, self.targets)

    @property
    def predicted(self) -> Tensor:
        """int64 [num_images]: the class with the highest logit, the first of equals."""
        return self.logits.argmax(1)
