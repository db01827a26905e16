"""Batched crops equal those of `augment`."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from app.ml.images.augmentation import (
    AugmentationSeed,
    CropParameters,
    augment,
    draw_crop_parameters,
)
from app.ml.images.crops import ImageLocation, crop_batch
from app.ml.images.preprocessing import PreprocessingSpec, to_pixels
from app.ml.recipe import TutorialAugmentation
from tests.images import draw_picture

SIZES = [(90, 60), (60, 90), (300, 40), (17, 23), (128, 128)]
TUTORIAL = TutorialAugmentation()


def row_of(images: list[Tensor]) -> tuple[Tensor, list[ImageLocation]]:
    """Concatenate images as in the cache."""
    places, start = [], 0
    for image in images:
        places.append(ImageLocation(start, image.shape[2]))
        start += image.shape[1] * image.shape[2]
    return torch.cat([image.permute(1, 2, 0).reshape(-1, 3) for image in images]), places


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("input_size", [24, 64])
def test_a_batch_of_crops_equals_single_augmentations(
    input_size: int, interpolation: Literal["bilinear", "bicubic"]
) -> None:
    spec = PreprocessingSpec(
        input_size=input_size, resize_size=input_size, interpolation=interpolation
    )
    images = [to_pixels(draw_picture(seed=seed, size=size)) for seed, size in enumerate(SIZES)] * 14
    draws = [AugmentationSeed(0, 1, image_id) for image_id in range(len(images))]
    views = [
        draw_crop_parameters(image.shape[2], image.shape[1], TUTORIAL, draw)
        for image, draw in zip(images, draws, strict=True)
    ]
    made = crop_batch(*row_of(images), views, spec)
    expected = torch.stack(
        [augment(image, spec, TUTORIAL, draw) for image, draw in zip(images, draws, strict=True)]
    )
    assert made.shape == expected.shape == (70, 3, input_size, input_size)
    assert made.dtype == torch.uint8
    differences = (made.int() - expected.int()).abs()
    assert differences.float().mean() < 0.5
    assert differences.max() <= 3
    assert {view.is_flipped for view in views} == {True, False}


def test_a_crop_of_the_input_size_is_not_resampled() -> None:
    image = to_pixels(draw_picture(size=(40, 30)))
    views = [
        CropParameters((4, 6, 16, 16), is_flipped=False),
        CropParameters((4, 6, 16, 16), is_flipped=True),
    ]
    spec = PreprocessingSpec(input_size=16, resize_size=16)
    pixels, places = row_of([image, image])
    plain, mirrored = crop_batch(pixels, places, views, spec)
    assert torch.equal(plain, image[:, 4:20, 6:22])
    assert torch.equal(mirrored, plain.flip(-1))


def test_an_empty_batch_has_no_crops() -> None:
    spec = PreprocessingSpec(input_size=16, resize_size=16)
    assert crop_batch(torch.zeros(5, 3, dtype=torch.uint8), [], [], spec).shape == (0, 3, 16, 16)
