"""Compute confidence intervals of shares counted on few images."""

from math import sqrt

Z_95 = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def wilson_interval(share: float, num_images: int) -> tuple[float, float]:
    """Compute the 95 % Wilson interval of a share of independent images, within 0 to 1.

    num_images must be at least 1. The lower end is exactly 0 for a share of 0, the upper end is
    exactly 1 for a share of 1.
    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    spread = Z_95**2 / num_images
    centre = share + spread / 2
    margin = Z_95 * sqrt(share * (1 - share) / num_images + spread / (4 * num_images))
    low, high = (centre - margin) / (1 + spread), (centre + margin) / (1 + spread)
    return max(0.0, low) if share > 0 else 0.0, min(1.0, high) if share < 1 else 1.0
