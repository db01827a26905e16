"""How sure an accuracy is: 95 % intervals from a few runs and a few images."""

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
"""Student's 97.5 % points for 1 to 29 degrees of freedom: a study has up to 30 seeds."""

assert len(T_QUANTILES) == MAX_SEEDS - 1  # noqa: S101 - the table reaches as far as a study


def estimate_interval(accuracies: Sequence[float], num_images: int | None) -> Interval | None:
    """The wider of what several runs and what the number of validation images leave open.

    Runs on the same images share their luck with them, so that however well the runs agree, the
    mean is no surer than the images let it be. None with a single run and an unknown number.
    """
    found = []
    if len(accuracies) > 1:
        found.append(_t_interval(accuracies))
    if num_images:
        low, high = wilson_interval(fmean(accuracies), num_images)
        found.append(Interval(low=low, high=high, method="wilson_over_images"))
    return max(found, key=lambda interval: interval.high - interval.low, default=None)


def is_difference_insignificant(better: float, low: float, worse: float, high: float) -> bool:
    """Whether the 95 % interval of better - worse reaches 0.

    low is the lower end of the better one's own interval, high the upper end of the worse one's.
    As if of different images; on the same ones the truth is a little sharper.
    Source: Newcombe, "Interval estimation for the difference", 1998, method 10; for any pair of
    intervals: Zou & Donner, 2008.
    """
    return better - worse <= sqrt((better - low) ** 2 + (high - worse) ** 2)


def _t_interval(accuracies: Sequence[float]) -> Interval:
    """Of the mean of independent runs (Student, "The probable error of a mean", 1908)."""
    mean = fmean(accuracies)
    margin = T_QUANTILES[len(accuracies) - 2] * stdev(accuracies) / sqrt(len(accuracies))
    low, high = max(0.0, mean - margin), min(1.0, mean + margin)
    return Interval(low=low, high=high, method="t_over_runs")
