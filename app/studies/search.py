"""Draw the configurations of a search, and decide which runs successive halving stops early."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from app.errors import InputProblem, ValidationFailed
from app.studies.request_schemas import MAX_CONFIGURATIONS, Range, Search
from app.studies.space import Assignment, Space, assign, count_points, draw_point

_MAX_DRAWS = 20_000
"""Limit of draws; 200 equally likely configurations need about 200 ln 200 draws."""


def draw_assignments(search: Search) -> list[Assignment]:
    """Draw the configurations of a search, all different; equal searches draw equal ones.

    Raises ValidationFailed if the space has fewer than `num_trials` configurations, or the whole
    grid more than MAX_CONFIGURATIONS.
    """
    size = count_points(search.space)
    wanted = search.num_trials or int(size)
    if wanted > min(size, MAX_CONFIGURATIONS):
        message = (
            f"The search wants {wanted} configurations; the space has {size:g}, and a study at "
            f"most {MAX_CONFIGURATIONS}."
        )
        raise _wrong_number(message, min(size, MAX_CONFIGURATIONS))
    if search.method == "grid" and wanted == size:
        drawn = list(_list_grid(search.space))
    else:
        drawn = _draw(search.space, wanted, np.random.default_rng(search.seed))
    if len(drawn) < wanted:
        message = (
            f"The search wants {wanted} configurations; only {len(drawn)} different ones were "
            "drawn."
        )
        raise _wrong_number(message, len(drawn))
    return drawn


def list_rungs(*, min_epochs: int, reduction_factor: int, epochs: int) -> Iterator[int]:
    """Yield the rungs: the epochs before the last at which runs are compared."""
    rung = min_epochs
    while rung < epochs:
        yield rung
        rung *= reduction_factor


def should_prune(accuracy: float, others: Sequence[float], *, reduction_factor: int) -> bool:
    """Return whether to stop a run at this rung.

    accuracy and others (0-1) are the validation accuracies of this run and of the other runs that
    have reached the rung. A run continues if it is among the best 1 / reduction_factor of them; of
    fewer than reduction_factor runs, the best one continues. No run waits for others.
    Source: asynchronous successive halving (Li et al., "A System for Massively Parallel
    Hyperparameter Tuning", 2020).
    """
    reached = sorted((*others, accuracy), reverse=True)
    num_promoted = max(len(reached) // reduction_factor, 1)
    return not accuracy >= reached[num_promoted - 1]


def _wrong_number(message: str, most: float) -> ValidationFailed:
    return ValidationFailed(
        InputProblem(("body", "search", "num_trials"), message, (f"<= {most:g}",))
    )


def _list_grid(space: Space) -> Iterator[Assignment]:
    lists = [values for values in space.values() if not isinstance(values, Range)]
    for point in product(*lists):
        yield dict(zip(space, point, strict=True))


def _draw(space: Space, wanted: int, random: np.random.Generator) -> list[Assignment]:
    """Draw configurations until enough different ones are found, or draws run out."""
    drawn: dict[tuple[float, ...], Assignment] = {}
    for _ in range(_MAX_DRAWS):
        point = draw_point(space, random)
        drawn[tuple(point.values())] = assign(space, point)
        if len(drawn) == wanted:
            break
    return list(drawn.values())
