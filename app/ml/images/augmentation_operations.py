"""Apply the random operations of TrivialAugment and RandAugment.

Ranges are those of the papers, as in torchvision: Müller & Hutter, TrivialAugment (2021),
the "wide" space; Cubuk et al., RandAugment (2020).
"""

from collections.abc import Callable
from random import Random

from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812 -- the library's own habit

from app.ml.recipe import RandAugment, TrivialAugment

NUM_MAGNITUDES = 31
"""The number of magnitudes, including 0."""

Operation = Callable[[Tensor, float], Tensor]
"""A function of an image, uint8 [3, size, size], and a signed strength of -1..1."""


def _affine(image: Tensor, *, translate: tuple[int, int], shear: tuple[float, float]) -> Tensor:
    moved: Tensor = F.affine(
        image, angle=0.0, translate=list(translate), scale=1.0, shear=list(shear), center=[0.0, 0.0]
    )
    return moved


def _list_operations(augmentation: TrivialAugment | RandAugment, size: int) -> list[Operation]:
    """List the operations with their largest strengths in degrees, pixels and factors."""
    wide = isinstance(augmentation, TrivialAugment)
    shear_degrees = 44.7 if wide else 16.7  # arctangents of 0.99 and 0.3
    shift_pixels = 32.0 if wide else size * 150 / 331
    turn_degrees = 135.0 if wide else 30.0
    factor = 0.99 if wide else 0.9
    bits_lost = 6 if wide else 4
    return [
        lambda image, _: image,
        lambda image, s: _affine(image, translate=(0, 0), shear=(s * shear_degrees, 0.0)),
        lambda image, s: _affine(image, translate=(0, 0), shear=(0.0, s * shear_degrees)),
        lambda image, s: _affine(image, translate=(int(s * shift_pixels), 0), shear=(0.0, 0.0)),
        lambda image, s: _affine(image, translate=(0, int(s * shift_pixels)), shear=(0.0, 0.0)),
        lambda image, s: F.rotate(image, s * turn_degrees),
        lambda image, s: F.adjust_brightness(image, 1.0 + s * factor),
        lambda image, s: F.adjust_saturation(image, 1.0 + s * factor),
        lambda image, s: F.adjust_contrast(image, 1.0 + s * factor),
        lambda image, s: F.adjust_sharpness(image, 1.0 + s * factor),
        lambda image, s: F.posterize(image, 8 - round(abs(s) * bits_lost)),
        lambda image, s: F.solarize(image, 255.0 * (1.0 - abs(s))),
        lambda image, _: F.autocontrast(image),
        lambda image, _: F.equalize(image),
    ]


def apply_operations(
    image: Tensor, augmentation: TrivialAugment | RandAugment, random: Random
) -> Tensor:
    """Apply random operations to an image, uint8 [3, size, size]."""
    operations = _list_operations(augmentation, image.shape[-1])
    rounds = 1
    if isinstance(augmentation, RandAugment):
        rounds = augmentation.num_operations
    for _ in range(rounds):
        operation = random.choice(operations)
        magnitude = random.randrange(NUM_MAGNITUDES)
        if isinstance(augmentation, RandAugment):
            magnitude = augmentation.magnitude
        sign = random.choice((-1, 1))
        image = operation(image, sign * magnitude / (NUM_MAGNITUDES - 1))
    return image
