"""Compute 95 % intervals of accuracies over several runs."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev

from app.ml.trust.intervals import wilson_interval
from app.studies.request_schemas import MAX_SEEDS
from app.studies.schemas import Interval

T_QUANTILES = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452),
)
"""The 97.5 % quantiles of Student's t for 1 to 29 degrees of freedom (a study has ≤ 30 seeds)."""

assert len(T_QUANTILES) == MAX_SEEDS - 1  # noqa: S101 - the table covers the largest study


def estimate_interval(accuracies: Sequence[float], num_images: int | None) -> Interval | None:
    """Return the wider of the t interval over runs and the Wilson interval over images.

    All runs use the same validation images, so agreement between runs does not remove the
    uncertainty from the number of images. None for a single run with an unknown number of images.
    """
    intervals = []
    if len(accuracies) > 1:
        intervals.append(_t_interval(accuracies))
    if num_images:
        low, high = wilson_interval(fmean(accuracies), num_images)
        intervals.append(Interval(low=low, high=high, method="wilson_over_images"))
    return max(intervals, key=lambda interval: interval.high - interval.low, default=None)


def _t_interval(accuracies: Sequence[float]) -> Interval:
    """Return the t interval of a mean (Student, "The probable error of a mean", 1908)."""
    mean = fmean(accuracies)
    margin = T_QUANTILES[len(accuracies) - 2] * stdev(accuracies) / sqrt(len(accuracies))
    low, high = max(0.0, mean - margin), min(1.0, mean + margin)
    return Interval(low=low, high=high, method="t_over_runs")
