"""The preprocessing in a graph equals validation's: every level is the exact one, rounded."""

import numpy as np
import pytest
import torch

from app.ml.export.network import EvalPixels
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import Interpolation
from tests.unit.ml.exact import HALF, exact_levels


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("resize_size", "input_size"), [(40, 32), (32, 32), (33, 32), (20, 33), (21, 32)]
)
def test_images_of_any_size_are_prepared_as_in_validation(
    resize_size: int, input_size: int, interpolation: Interpolation
) -> None:
    spec = PreprocessingSpec(
        input_size=input_size, resize_size=resize_size, interpolation=interpolation
    )
    prepare = EvalPixels(spec)
    random = np.random.default_rng(0)
    sizes = [(1, 1), (1, 9), (90, 2), (40, 40), *random.integers(2, 90, (40, 2)).tolist()]
    for height, width in sizes:
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        levels = prepare(torch.from_numpy(pixels)[None])[0]
        assert (levels - exact_levels(pixels, spec)).abs().max() <= HALF, (height, width)
