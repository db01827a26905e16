"""Linear heads on frozen features, judged by cross-validation."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.advice.schemas import LinearProbe, Proportion
from app.errors import TooFewImages
from app.ml.images.image_file import decode_image
from app.ml.images.preprocessing import PreprocessingSpec, prepare_eval
from app.ml.models.catalogue import Entry
from app.ml.trust.intervals import wilson_interval
from worker.advice.stages import tap_stages
from worker.pool import map_in_threads
from worker.training.data import Sample
from worker.training.head import choose_head

OnProgress = Callable[[int, int], None]
"""Told the images that are done, and how many there are."""

_BATCH_SIZE = 16
_L2_STRENGTHS = (1.0, 0.1, 0.01)


@dataclass(frozen=True)
class Features:
    """Of a sample of images, float32 [num_images, num_features] each; targets int64 [num_images].

    decoding_seconds is what an image took to be decoded and prepared.
    """

    late: Tensor
    early: Tensor
    targets: Tensor
    decoding_seconds: float


@dataclass(frozen=True)
class Judged:
    """A probe, whether it was right on each image that was held out, and the seconds it took."""

    probe: LinearProbe
    is_right: list[bool]
    seconds: float


def gather_features(  # noqa: PLR0913 -- each is one thing the caller knows
    model: nn.Module,
    entry: Entry,
    early_stage: str,
    samples: Sequence[Sample],
    spec: PreprocessingSpec,
    *,
    num_threads: int,
    on_progress: OnProgress,
) -> Features:
    """Run the frozen network once on each image, telling how many are done after each batch."""
    device = next(model.parameters()).device
    model.eval()
    decoding = 0.0

    def prepare(sample: Sample) -> tuple[Tensor, float]:
        started = time.perf_counter()
        image = prepare_eval(decode_image(sample.path), spec)
        return image, time.perf_counter() - started

    late: list[Tensor] = []
    early: list[Tensor] = []
    for start in range(0, len(samples), _BATCH_SIZE):
        batch = samples[start : start + _BATCH_SIZE]
        prepared = list(map_in_threads(prepare, batch, num_threads=num_threads))
        decoding += sum(seconds for _, seconds in prepared)
        images = torch.stack([image for image, _ in prepared]).to(device)
        last, earlier = tap_stages(model, entry, early_stage, images)
        late.append(last.cpu())
        early.append(earlier.cpu())
        on_progress(start + len(batch), len(samples))
    return Features(
        late=torch.cat(late),
        early=torch.cat(early),
        targets=torch.tensor([sample.target for sample in samples]),
        decoding_seconds=decoding / len(samples) / num_threads,
    )


def judge(features: Tensor, targets: Tensor, *, stage: str, num_classes: int) -> Judged:
    """Fit and cross-validate a probe. Raises TooFewImages where no class has two images."""
    started = time.perf_counter()
    solution = choose_head(features, targets, num_classes=num_classes, l2_strengths=_L2_STRENGTHS)
    if solution.out_of_fold is None or solution.held_out is None:
        raise TooFewImages("No class has two training images, so that no advice can be measured.")
    is_right = (solution.out_of_fold.argmax(1) == targets)[solution.held_out].tolist()
    probe = LinearProbe(
        stage=stage,
        num_features=features.shape[1],
        accuracy=share_of(is_right),
        l2_strength=solution.l2_strength,
    )
    return Judged(probe, is_right, time.perf_counter() - started)


def share_of(is_right: Sequence[bool]) -> Proportion:
    """How many of the images, with its interval."""
    value = sum(is_right) / len(is_right)
    low, high = wilson_interval(value, len(is_right))
    return Proportion(value=value, low=low, high=high)
