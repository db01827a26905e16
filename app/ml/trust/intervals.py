"""How sure a share is that was counted on a few images."""

from math import sqrt

Z_95 = 1.959964
"""The normal distribution's 97.5 % quantile."""


def wilson_interval(share: float, num_images: int) -> tuple[float, float]:
    """The 95 % interval of a share of at least one independent image, within 0 to 1.

    It ends at 0 where the share is 0 and at 1 where it is 1, exactly.
    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    spread = Z_95**2 / num_images
    centre = share + spread / 2
    margin = Z_95 * sqrt(share * (1 - share) / num_images + spread / (4 * num_images))
    low, high = (centre - margin) / (1 + spread), (centre + margin) / (1 + spread)
    return max(0.0, low) if share > 0 else 0.0, min(1.0, high) if share < 1 else 1.0
