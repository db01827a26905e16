"""The interval of a share against published ones."""

import pytest

from app.ml.trust.intervals import wilson_interval


@pytest.mark.parametrize(
    ("num_right", "num_images", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_the_published_ones(
    num_right: int, num_images: int, low: float, high: float
) -> None:
    interval = wilson_interval(num_right / num_images, num_images)
    assert list(interval) == pytest.approx([low, high], abs=5e-5)


def test_one_correct_image_gives_a_wide_interval() -> None:
    assert list(wilson_interval(1.0, 1)) == pytest.approx([0.2065, 1.0], abs=1e-4)


def test_the_ends_are_exactly_0_and_1() -> None:
    assert {wilson_interval(1.0, number)[1] for number in range(1, 1000)} == {1.0}
    assert {wilson_interval(0.0, number)[0] for number in range(1, 1000)} == {0.0}
