"""Compute confidence intervals of shares counted on few images."""

from math import sqrt

Z_95 = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def wilson_interval(share: float, num_images: float) -> tuple[float, float]:
    """Compute the 95 % Wilson interval of a share of independent images, within 0 to 1.

    num_images must be at least 1; where images are weighted, it is their effective number. The
    lower end is exactly 0 for a share of 0, the upper end is exactly 1 for a share of 1.
    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    spread = Z_95**2 / num_images
    centre = share + spread / 2
    margin = Z_95 * sqrt(share * (1 - share) / num_images + spread / (4 * num_images))
    low, high = (centre - margin) / (1 + spread), (centre + margin) / (1 + spread)
    return max(0.0, low) if share > 0 else 0.0, min(1.0, high) if share < 1 else 1.0


def paired_difference_interval(
    both: float, only_first: float, only_second: float, neither: float
) -> tuple[float, float]:
    """Compute the 95 % interval of the difference of two shares of the same images.

    The arguments count the images that both, exactly one or neither of two classifiers get right;
    together they are at least 1. The difference is that of the first share minus the second.
    Source: Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17, 1998, method 10.
    """
    num_images = both + only_first + only_second + neither
    first, second = (both + only_first) / num_images, (both + only_second) / num_images
    first_low, first_high = wilson_interval(first, num_images)
    second_low, second_high = wilson_interval(second, num_images)
    correlation = _correlate(both, only_first, only_second, neither)

    def spread(one: float, other: float) -> float:
        return sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))

    difference = first - second
    return (
        difference - spread(first - first_low, second_high - second),
        difference + spread(first_high - first, second - second_low),
    )


def is_difference_insignificant(better: float, low: float, worse: float, high: float) -> bool:
    """Return whether the 95 % interval of better - worse contains 0.

    low is the lower end of the interval of `better`, high the upper end of that of `worse`. The
    two are treated as independent; for accuracies on the same images this is conservative.
    Source: Newcombe, "Interval estimation for the difference", 1998, method 10; for any pair of
    intervals: Zou & Donner, 2008.
    """
    return better - worse <= sqrt((better - low) ** 2 + (high - worse) ** 2)


def _correlate(both: float, only_first: float, only_second: float, neither: float) -> float:
    """Estimate the correlation of two classifiers' correctness, corrected for continuity."""
    product = (
        (both + only_first)
        * (only_second + neither)
        * (both + only_second)
        * (only_first + neither)
    )
    if product == 0:
        return 0.0
    excess = both * neither - only_first * only_second
    if excess > 0:
        excess_corrected = max(excess - (both + only_first + only_second + neither) / 2, 0.0)
    else:
        excess_corrected = excess
    return excess_corrected / sqrt(product)
