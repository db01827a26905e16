import numpy as np
import pytest
import torch
from PIL import Image

from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels, prepare_eval, to_pixels
from tests.unit.ml.exact import HALF, exact_levels

SPEC = PreprocessingSpec(input_size=32, resize_size=40)


def tensor(of_channels: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(of_channels)[:, None, None]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(100, 61), (61, 100), (32, 32), (20, 20), (7, 300), (33, 47)])
@pytest.mark.parametrize("sizes", [(32, 40), (32, 32), (31, 20)])
def test_eval_preprocessing_equals_its_definition(
    size: tuple[int, int], sizes: tuple[int, int], interpolation: str
) -> None:
    spec = PreprocessingSpec.model_validate(
        {"input_size": sizes[0], "resize_size": sizes[1], "interpolation": interpolation}
    )
    image = noise(*size)
    levels = eval_pixels(to_pixels(image), spec)
    assert (levels.dtype, levels.shape) == (torch.uint8, (3, sizes[0], sizes[0]))
    assert (levels - exact_levels(np.asarray(image), spec)).abs().max() <= HALF
    normalized = (levels / 255 - tensor(spec.mean)) / tensor(spec.std)
    torch.testing.assert_close(prepare_eval(image, spec), normalized)


def test_pixels_are_whole_levels_between_0_and_255() -> None:
    spec = SPEC.model_copy(update={"interpolation": "bicubic"})
    prepared = prepare_eval(noise(50, 50), spec)
    levels = (prepared * tensor(spec.std) + tensor(spec.mean)) * 255
    assert (levels - levels.round()).abs().max() < 1e-3
    assert levels.min() >= -1e-3
    assert levels.max() <= 255.001


def test_a_smaller_image_is_padded_with_black() -> None:
    spec = PreprocessingSpec(input_size=8, resize_size=4, mean=(0, 0, 0), std=(1, 1, 1))
    prepared = prepare_eval(Image.new("RGB", (10, 10), (255, 255, 255)), spec)
    assert prepared[:, 2:6, 2:6].eq(1).all()
    assert prepared.sum() == 3 * 4 * 4


def test_a_spec_survives_json() -> None:
    spec = PreprocessingSpec(input_size=299, resize_size=342, interpolation="bicubic")
    assert PreprocessingSpec.model_validate_json(spec.model_dump_json()) == spec
