"""Thin a curve to a number of points that looks like the whole."""

from collections.abc import Sequence


def thin(values: Sequence[float], num_points: int, *, keep: int | None = None) -> list[int]:
    """Return at most num_points indices of values, in order; all if there are no more.

    num_points is at least 2. The first and the last value stay, and from three points on the one at
    the index `keep`. The others are divided into runs of equal length, and the lowest and the
    highest value of each run stay, so that no peak disappears (decimation by minimum and maximum).
    """
    count = len(values)
    if count <= num_points:
        return list(range(count))
    chosen = {0, count - 1}
    if keep is not None and num_points > len(chosen):
        chosen.add(keep)
    num_runs = (num_points - len(chosen)) // 2
    inner = count - 2
    for run in range(num_runs):
        first, after = 1 + inner * run // num_runs, 1 + inner * (run + 1) // num_runs
        indices = range(first, after)
        chosen.add(min(indices, key=values.__getitem__))
        chosen.add(max(indices, key=values.__getitem__))
    return sorted(chosen)
