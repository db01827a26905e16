import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate, pad

from app.ml.preprocessing import Draw, PreprocessingSpec, draw_crop, prepare_eval, prepare_train
from app.ml.recipe import NoAugmentation, TutorialAugmentation

SPEC = PreprocessingSpec(input_size=32, resize_size=40)
TUTORIAL = TutorialAugmentation()


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


def test_augmentation_depends_on_seed_epoch_and_image_alone() -> None:
    image = noise(90, 70)
    draws = [Draw(s, e, i) for s in range(3) for e in range(3) for i in range(3)]
    alone = [prepare_train(image, SPEC, TUTORIAL, draw) for draw in draws]
    torch.manual_seed(123)
    with ThreadPoolExecutor(4) as executor:
        shuffled = [
            executor.submit(prepare_train, image, SPEC, TUTORIAL, draw) for draw in draws[::-1]
        ]
    assert all(torch.equal(a, b.result()) for a, b in zip(alone, shuffled[::-1], strict=True))
    assert len({tensor.numpy().tobytes() for tensor in alone}) == len(draws)


def test_augmentation_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    prepare_train(noise(50, 50), SPEC, TUTORIAL, Draw(0, 1, 1))
    assert torch.equal(torch.rand(3), expected)


def test_no_augmentation_is_the_eval_transform() -> None:
    image = noise(90, 70)
    prepared = prepare_train(image, SPEC, NoAugmentation(), Draw(0, 1, 1))
    assert torch.equal(prepared, prepare_eval(image, SPEC))


def test_about_half_of_the_images_are_flipped() -> None:
    ramp = np.zeros((32, 32, 3), np.uint8)
    ramp[..., :] = np.arange(0, 256, 8, dtype=np.uint8)[None, :, None]
    image = Image.fromarray(ramp)
    whole = TutorialAugmentation(min_scale=1.0)
    rows = [prepare_train(image, SPEC, whole, Draw(0, 1, i))[0, 0] for i in range(200)]
    num_flipped = sum(bool(row[0] > row[-1]) for row in rows)
    assert 70 <= num_flipped <= 130


def test_crops_have_the_announced_areas_and_shapes() -> None:
    random = torch.Generator().manual_seed(0)
    width, height = 250, 250
    boxes = [draw_crop(width, height, 0.08, random) for _ in range(2000)]
    for top, left, crop_height, crop_width in boxes:
        assert 0 <= top <= height - crop_height
        assert 0 <= left <= width - crop_width
        assert 0.07 <= crop_height * crop_width / (width * height) <= 1
        assert 0.72 <= crop_width / crop_height <= 1.40
    areas = np.array([h * w / (width * height) for _, _, h, w in boxes])
    log_ratios = np.array([math.log(w / h) for _, _, h, w in boxes])
    assert areas.min() < 0.1
    assert areas.max() > 0.8
    assert abs(log_ratios.mean()) < 0.02
    assert len({top for top, *_ in boxes}) > 50
    assert len({left for _, left, *_ in boxes}) > 50


@pytest.mark.parametrize("size", [(1000, 1), (1, 1000), (1, 1)])
def test_extreme_shapes_fall_back_to_a_central_crop(size: tuple[int, int]) -> None:
    top, left, height, width = draw_crop(*size, 0.5, torch.Generator().manual_seed(0))
    assert (height, width) == (1, 1)
    assert (left, top) == ((size[0] - 1) // 2, (size[1] - 1) // 2)
