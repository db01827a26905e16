"""The intervals of a share and of a difference against published ones."""

import pytest

from app.ml.trust.intervals import paired_difference_interval, wilson_interval


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


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe, Statistics in Medicine 17 (1998), method 10
        ((20, 12, 2, 16), 0.0562, 0.3292),
    ],
)
def test_intervals_of_differences_are_the_published_ones(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    both, only_first, only_second, neither = counts
    assert list(paired_difference_interval(*counts)) == pytest.approx([low, high], abs=5e-5)
    swapped = paired_difference_interval(both, only_second, only_first, neither)
    assert list(swapped) == pytest.approx([-high, -low], abs=5e-5)


@pytest.mark.parametrize(
    "counts",
    [(50, 0, 0, 0), (0, 0, 0, 1), (0, 9, 0, 0), (3, 0, 9, 5), (1, 20, 20, 1), (9, 0, 0, 9)],
)
def test_the_interval_contains_the_difference_and_is_a_difference_of_shares(
    counts: tuple[int, int, int, int],
) -> None:
    low, high = paired_difference_interval(*counts)
    difference = (counts[1] - counts[2]) / sum(counts)
    assert -1 <= low <= difference <= high <= 1
    assert low < high


def test_agreement_narrows_the_interval() -> None:
    low, high = paired_difference_interval(45, 1, 1, 45)
    wide_low, wide_high = paired_difference_interval(23, 23, 23, 23)
    assert high - low < 0.5 * (wide_high - wide_low)
