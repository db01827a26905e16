import math
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest
import torch

from app.ml.images.augmentation import AugmentationSeed, augment, draw_crop_box
from app.ml.images.augmentation_operations import apply_operations
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.recipe import RandAugment, TrivialAugment, TutorialAugmentation

SPEC = PreprocessingSpec(input_size=32, resize_size=40)
TUTORIAL = TutorialAugmentation()


def noise(width: int, height: int, seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def test_augmentation_is_a_function_of_seed_epoch_and_image() -> None:
    image = noise(90, 70)
    draws = [AugmentationSeed(s, e, i) for s in range(3) for e in range(3) for i in range(3)]
    alone = [augment(image, SPEC, TUTORIAL, draw) for draw in draws]
    torch.manual_seed(123)
    with ThreadPoolExecutor(4) as executor:
        shuffled = [executor.submit(augment, image, SPEC, TUTORIAL, draw) for draw in draws[::-1]]
    assert all(torch.equal(a, b.result()) for a, b in zip(alone, shuffled[::-1], strict=True))
    assert len({tensor.numpy().tobytes() for tensor in alone}) == len(draws)


def test_augmentation_does_not_use_the_global_generator() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    augment(noise(50, 50), SPEC, TUTORIAL, AugmentationSeed(0, 1, 1))
    assert torch.equal(torch.rand(3), expected)


def test_about_half_of_the_images_are_flipped() -> None:
    ramp = np.zeros((32, 32, 3), np.uint8)
    ramp[..., :] = np.arange(0, 256, 8, dtype=np.uint8)[None, :, None]
    image = torch.from_numpy(ramp).permute(2, 0, 1)
    whole = TutorialAugmentation(min_scale=1.0)
    rows = [augment(image, SPEC, whole, AugmentationSeed(0, 1, i))[0, 0] for i in range(200)]
    num_flipped = sum(bool(row[0] > row[-1]) for row in rows)
    assert 70 <= num_flipped <= 130


def test_crops_have_the_documented_areas_and_aspect_ratios() -> None:
    random = Random(0)
    width, height = 250, 250
    boxes = [draw_crop_box(width, height, 0.08, random) for _ in range(2000)]
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
def test_extreme_aspect_ratios_fall_back_to_a_central_crop(size: tuple[int, int]) -> None:
    top, left, height, width = draw_crop_box(*size, 0.5, Random(0))
    assert (height, width) == (1, 1)
    assert (left, top) == ((size[0] - 1) // 2, (size[1] - 1) // 2)


@pytest.mark.parametrize("kind", [TrivialAugment(), RandAugment(num_operations=3, magnitude=20)])
def test_every_operation_is_deterministic_and_returns_an_image(
    kind: TrivialAugment | RandAugment,
) -> None:
    image = noise(90, 70)
    varied = [augment(image, SPEC, kind, AugmentationSeed(0, 1, i)) for i in range(200)]
    assert {(v.dtype, tuple(v.shape)) for v in varied} == {(torch.uint8, (3, 32, 32))}
    assert len({v.numpy().tobytes() for v in varied}) > 190
    again = augment(image, SPEC, kind, AugmentationSeed(0, 1, 17))
    assert torch.equal(again, varied[17])


def test_the_change_grows_with_the_magnitude() -> None:
    image = noise(32, 32)
    kinds = [RandAugment(num_operations=1, magnitude=magnitude) for magnitude in (0, 30)]
    mean_changes = []
    for kind in kinds:
        random = Random(3)
        changes = [
            (apply_operations(image, kind, random).float() - image.float()).abs().mean()
            for _ in range(100)
        ]
        mean_changes.append(float(torch.stack(changes).mean()))
    assert mean_changes[0] < 0.3 * mean_changes[1]
