import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate, pad

from app.ml.preprocessing import PreprocessingSpec, prepare_eval

SPEC = PreprocessingSpec(input_size=32, resize_size=40)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def reference(image: Image.Image, spec: PreprocessingSpec) -> torch.Tensor:
    """The definition, spelt out with torch's own interpolation."""
    pixels = torch.from_numpy(np.asarray(image).astype(np.float32)).permute(2, 0, 1)[None]
    short, long = sorted(image.size)
    resized_long = int(spec.resize_size * long / short)
    size = (
        (resized_long, spec.resize_size)
        if image.width <= image.height
        else (spec.resize_size, resized_long)
    )
    resized = interpolate(
        pixels, size=size, mode=spec.interpolation, antialias=True, align_corners=False
    )
    resized = resized.round().clamp(0, 255)
    missing = [max(spec.input_size - length, 0) for length in size]
    resized = pad(
        resized,
        (missing[1] // 2, (missing[1] + 1) // 2, missing[0] // 2, (missing[0] + 1) // 2),
    )
    top, left = (round((length - spec.input_size) / 2) for length in resized.shape[2:])
    crop = resized[0, :, top : top + spec.input_size, left : left + spec.input_size]
    mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))
    return (crop / 255 - mean) / std


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(100, 61), (61, 100), (32, 32), (20, 20), (7, 300), (33, 47)])
@pytest.mark.parametrize("sizes", [(32, 40), (32, 32), (31, 20)])
def test_the_eval_transform_is_its_definition_in_float32(
    size: tuple[int, int], sizes: tuple[int, int], interpolation: str
) -> None:
    spec = PreprocessingSpec.model_validate(
        {"input_size": sizes[0], "resize_size": sizes[1], "interpolation": interpolation}
    )
    image = noise(*size)
    prepared = prepare_eval(image, spec)
    assert (prepared.dtype, prepared.shape) == (torch.float32, (3, sizes[0], sizes[0]))
    torch.testing.assert_close(prepared, reference(image, spec), rtol=0, atol=1e-5)


def test_pixels_are_whole_levels_between_0_and_255() -> None:
    spec = SPEC.model_copy(update={"interpolation": "bicubic"})
    prepared = prepare_eval(noise(50, 50), spec)
    mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))
    levels = (prepared * std + mean) * 255
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
