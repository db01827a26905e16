"""Draw golden images, and compare an exported model's outputs on them with the source model's."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F  # noqa: N812 -- the library's own habit

from app.errors import ExportMismatch
from app.ml.export.formats import RELATIVE_TOLERANCE, TOLERANCE, Check
from app.ml.export.network import OUTPUTS
from app.ml.export.source_model import Outputs, Pixels
from app.ml.images.preprocessing import PreprocessingSpec

SHAPES = {
    "landscape": (1.1, 1.46),
    "portrait": (1.32, 1.17),
    "large": (1.76, 2.34),
    "narrow": (2.2, 0.83),
    "small": (0.71, 0.83),
}
"""Height and width of the golden images as shares of resize_size."""

_NEAR_A_HALF = 2e-5
"""A distance from a half in levels per pixel of the longer side. Runtimes compute positions in
float32, so their levels differ in proportion to the distance from the corner (measured against
float64: up to 1.8e-5)."""

_MAX_ROUNDS = 50


def draw_golden_images(spec: PreprocessingSpec) -> dict[str, Pixels]:
    """Draw the images by name, uint8 [height, width, 3], always the same for the same spec.

    Each is a zone plate, whose rings become finer towards its edges up to one pixel, over a colour
    gradient. It is the usual test image for resampling, because a resize without antialiasing adds
    rings. After the resize, almost no level is near a half: float32 sums in another order could
    round such a level the other way, although the export is correct.
    """
    return {
        name: _avoid_ties(_draw(*(int(share * spec.resize_size) | 1 for share in shape)), spec)
        for name, shape in SHAPES.items()
    }


def compare(
    run: Callable[[Pixels], Sequence[object]],
    images: Mapping[str, Pixels],
    expected: Mapping[str, Outputs],
) -> Check:
    """Run an exported model on the golden images and compare its outputs with the expected ones.

    run returns probabilities, logits and, where the format has them, features, [1, …] each.
    Raises ExportMismatch where a difference exceeds its tolerance.
    """
    limits = (TOLERANCE, RELATIVE_TOLERANCE, RELATIVE_TOLERANCE)
    worst = dict.fromkeys(OUTPUTS, 0.0)
    found = {name: [np.asarray(output) for output in run(images[name])] for name in expected}
    for index, (output, limit) in enumerate(zip(OUTPUTS, limits, strict=True)):
        wanted = {name: outputs[index] for name, outputs in expected.items()}
        scale = 1.0 if index == 0 else max(float(np.abs(w).max()) for w in wanted.values())
        for name, outputs in found.items():
            if index == len(outputs):
                break  # a format without features
            if outputs[index].shape != wanted[name].shape:
                raise ExportMismatch(
                    f"The exported model's {output} have the shape {outputs[index].shape}; "
                    f"the source model's have {wanted[name].shape}."
                )
            difference = float(np.abs(outputs[index] - wanted[name]).max()) / (scale or 1.0)
            if not difference <= limit:
                raise ExportMismatch(
                    f"The exported model's {output} differ by {difference:.2g} from the source "
                    f"model's on the golden image '{name}'; at most {limit:g} is allowed."
                )
            worst[output] = max(worst[output], difference)
    has_features = all(len(outputs) == len(OUTPUTS) for outputs in found.values())
    return Check(
        num_images=len(expected),
        max_probability_difference=worst["probabilities"],
        max_logit_difference=worst["logits"],
        max_feature_difference=worst["features"] if has_features else None,
    )


def _draw(height: int, width: int) -> Pixels:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    squares = (rows - height / 2) ** 2 + (columns - width / 2) ** 2
    rings = np.cos(np.pi * squares / max(height, width))
    slopes = np.stack([rows / height, columns / width, 1 - rows / height], axis=-1)
    levels: Pixels = (255 * (0.5 * slopes + 0.25 * (1 + rings[..., None]))).astype(np.uint8)
    return levels


def _avoid_ties(pixels: Pixels, spec: PreprocessingSpec) -> Pixels:
    """Change pixels whose resized level is near a half, until almost none is left."""
    random = np.random.default_rng(0)
    for _ in range(_MAX_ROUNDS):
        resized = _resize(pixels, spec).clip(0, 255)
        near = _NEAR_A_HALF * max(resized.shape[1:])
        channels, *places = np.nonzero(np.abs(resized % 1.0 - 0.5) < near)
        if len(channels) == 0:
            break
        rows, columns = (
            (2 * place + 1) * size // (2 * resized_size)
            for place, size, resized_size in zip(
                places, pixels.shape[:2], resized.shape[1:], strict=True
            )
        )
        moved = pixels[rows, columns, channels] + random.integers(-2, 3, len(channels))
        pixels[rows, columns, channels] = moved.clip(0, 255)
    return pixels


def _resize(pixels: Pixels, spec: PreprocessingSpec) -> NDArray[np.float32]:
    """Resize the whole image without rounding: float32 [3, resized height, resized width]."""
    image = torch.from_numpy(pixels).permute(2, 0, 1).float()
    resized = F.resize(
        image, [spec.resize_size], InterpolationMode(spec.interpolation), antialias=True
    )
    levels: NDArray[np.float32] = resized.numpy()
    return levels
