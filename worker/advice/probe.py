"""Compute frozen features of a sample of images, and cross-validate linear heads on them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.advice.schemas import LinearProbe
from app.errors import TooFewImages
from app.ml.images.pil_decoding import decoded_image
from app.ml.images.preprocessing import PreprocessingSpec, prepare_eval
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import ClassBalance
from worker.advice.stages import tap_stages
from worker.pool import map_in_threads
from worker.training.balance import solve_heads
from worker.training.data import Sample
from worker.training.evaluation.expected_accuracy import measure_share, weigh_images

OnProgress = Callable[[int, int], None]
"""Called with the number of finished images and the total."""

_BATCH_SIZE = 16
_L2_STRENGTHS = (1.0, 0.1, 0.01)


@dataclass(frozen=True)
class Features:
    """Features of the last (late) and of an earlier stage, float32 [num_images, num_features] each.

    targets: int64 [num_images]. decoding_seconds: seconds per image to decode and prepare it.
    """

    late: Tensor
    early: Tensor
    targets: Tensor
    decoding_seconds: float


@dataclass(frozen=True)
class ProbeResult:
    """A probe, its correctness on each held-out image, and the seconds it took.

    is_right, bool, and the images' weights, float64, are both [num_held_out].
    """

    probe: LinearProbe
    is_right: Tensor
    weights: Tensor
    seconds: float


def compute_features(  # noqa: PLR0913 -- a model, its images, and how to read them
    model: nn.Module,
    architecture: ArchitectureSpec,
    early_stage: str,
    samples: Sequence[Sample],
    spec: PreprocessingSpec,
    *,
    num_threads: int,
    on_progress: OnProgress,
) -> Features:
    """Run the frozen network once on each image; report progress after each batch."""
    device = next(model.parameters()).device
    model.eval()
    decoding = 0.0

    def prepare(sample: Sample) -> tuple[Tensor, float]:
        started = time.perf_counter()
        with decoded_image(sample.path) as image:
            pixels = prepare_eval(image, spec)
        return pixels, time.perf_counter() - started

    late: list[Tensor] = []
    early: list[Tensor] = []
    for start in range(0, len(samples), _BATCH_SIZE):
        batch = samples[start : start + _BATCH_SIZE]
        prepared = list(map_in_threads(prepare, batch, num_threads=num_threads))
        decoding += sum(seconds for _, seconds in prepared)
        images = torch.stack([image for image, _ in prepared]).to(device)
        last, earlier = tap_stages(model, architecture, early_stage, images)
        late.append(last.cpu())
        early.append(earlier.cpu())
        on_progress(start + len(batch), len(samples))
    return Features(
        late=torch.cat(late),
        early=torch.cat(early),
        targets=torch.tensor([sample.target for sample in samples]),
        decoding_seconds=decoding / len(samples) / num_threads,
    )


def cross_validate(  # noqa: PLR0913 -- each is one thing the caller knows
    features: Tensor,
    targets: Tensor,
    val_targets: Tensor,
    *,
    stage: str,
    num_classes: int,
    class_balance: ClassBalance,
) -> ProbeResult:
    """Fit a probe, and cross-validate it as if classes were as frequent as in validation.

    Raises TooFewImages where no class has two images.
    """
    started = time.perf_counter()
    solution = solve_heads(
        class_balance, features, targets, num_classes=num_classes, l2_strengths=_L2_STRENGTHS
    ).best
    if solution.out_of_fold is None or solution.held_out is None:
        raise TooFewImages(
            "No class has two training images, which cross-validation needs. Upload at least "
            "two images of a class."
        )
    is_right = (solution.out_of_fold.argmax(1) == targets)[solution.held_out]
    weights = weigh_images(targets[solution.held_out], val_targets)
    probe = LinearProbe(
        stage=stage,
        num_features=features.shape[1],
        accuracy=measure_share(is_right, weights),
        l2_strength=solution.l2_strength,
    )
    return ProbeResult(probe, is_right, weights, time.perf_counter() - started)
