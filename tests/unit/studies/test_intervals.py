"""95 % intervals against published values and densities."""

from math import gamma, pi, sqrt

import numpy as np
import pytest

from app.ml.trust.intervals import is_difference_insignificant
from app.studies.intervals import T_QUANTILES, estimate_interval


def test_wilson_agrees_with_newcombes_table() -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I."""
    for right, images, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        interval = estimate_interval([right / images], images)
        assert interval is not None
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
        assert interval.method == "wilson_over_images"


@pytest.mark.parametrize("degrees", [1, 2, 5, 29])
def test_the_table_has_the_97_5_percent_quantiles(degrees: int) -> None:
    """The integral of the density from 0 to the quantile is 0.475."""
    scale = gamma((degrees + 1) / 2) / (sqrt(degrees * pi) * gamma(degrees / 2))
    points = np.linspace(0, T_QUANTILES[degrees - 1], 200_001)
    density = scale * (1 + points**2 / degrees) ** (-(degrees + 1) / 2)
    assert np.trapezoid(density, points) == pytest.approx(0.475, abs=1e-5)
    assert list(T_QUANTILES) == sorted(T_QUANTILES, reverse=True)


def test_the_interval_of_several_runs_is_students() -> None:
    """Mean 0.92, standard deviation 0.02, so 4.3027 * 0.02 / sqrt(3) = 0.04968."""
    interval = estimate_interval([0.90, 0.92, 0.94], None)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.87032, 0.96968), abs=1e-5)
    assert interval.method == "t_over_runs"


def test_equal_runs_have_the_interval_of_the_images() -> None:
    alike = estimate_interval([0.92, 0.92, 0.92], 153)
    assert alike is not None
    assert alike == estimate_interval([0.92], 153)
    assert alike.high - alike.low > 0.08
    apart = estimate_interval([0.5, 0.9], 153)
    assert apart is not None
    assert (apart.low, apart.high, apart.method) == (0.0, 1.0, "t_over_runs")
    assert estimate_interval([0.9], None) is None


def test_a_difference_agrees_with_newcombes_example() -> None:
    """56/70 against 48/80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    better, worse = 56 / 70, 48 / 80
    one, other = estimate_interval([better], 70), estimate_interval([worse], 80)
    assert one is not None
    assert other is not None
    assert not is_difference_insignificant(better, one.low, worse, other.high)
    assert not is_difference_insignificant(better - 0.0523, one.low - 0.0523, worse, other.high)
    assert is_difference_insignificant(better - 0.0525, one.low - 0.0525, worse, other.high)
