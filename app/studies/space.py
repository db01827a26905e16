"""Points of a search space: draw them at random, count them, and convert them to values."""

import json
from collections.abc import Collection, Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np

from app.studies.request_schemas import Range, Values

Space = Mapping[str, Values | Range]

Point = Mapping[str, float]
"""For each field of a space a number of its range, or the position in its list of values."""

Assignment = dict[str, Any]
"""A value for each field of the search space, by its dotted path."""

_MAX_LISTED = 10_000
_MAX_DRAWS = 1000


def count_points(space: Space) -> float:
    """Return the number of points; infinite if a range has real numbers."""
    return prod(_num_values(values) for values in space.values())


def draw_point(space: Space, random: np.random.Generator) -> Point:
    """Draw a point, each as likely as the others; on the logarithmic scale of `log` ranges."""
    return {key: _draw_position(values, random) for key, values in space.items()}


def draw_unused_point(
    space: Space, used: Collection[Point], random: np.random.Generator
) -> Point | None:
    """Draw a point that is not among the used ones; None if the space has no other."""
    size = count_points(space)
    if len(used) >= size:
        return None
    for _ in range(_MAX_DRAWS):
        point = draw_point(space, random)
        if point not in used:
            return point
    if size > _MAX_LISTED:
        return None
    unused = [point for point in _list_points(space) if point not in used]
    return unused[int(random.integers(len(unused)))]


def assign(space: Space, point: Point) -> Assignment:
    """Return the values of a point."""
    return {
        key: point[key] if isinstance(values, Range) else values[int(point[key])]
        for key, values in space.items()
    }


def locate(space: Space, changes: Mapping[str, Any]) -> Point:
    """Return the point whose values are those of a configuration's changes."""
    point: dict[str, float] = {}
    for key, values in space.items():
        field, _, part = key.partition(".")
        value = changes[field][part] if part else changes[field]
        point[key] = value if isinstance(values, Range) else _find(value, values)
    return point


def list_ends(values: Values | Range) -> list[float]:
    """Return the positions of all values of a list, or those of both ends of a range."""
    if not isinstance(values, Range):
        return list(range(len(values)))
    ends = (values.low, values.high)
    return [int(end) for end in ends] if values.integer else list(ends)


def _find(value: object, values: Values) -> int:
    """Return the position of a JSON value in a list; 1, 1.0 and true are three values."""
    return [json.dumps(one, sort_keys=True) for one in values].index(
        json.dumps(value, sort_keys=True)
    )


def _list_points(space: Space) -> list[Point]:
    """Return all points of a finite space."""
    positions = [
        range(int(values.low), int(values.high) + 1)
        if isinstance(values, Range) and values.integer
        else [values.low]
        if isinstance(values, Range)
        else range(len(values))
        for values in space.values()
    ]
    return [dict(zip(space, point, strict=True)) for point in product(*positions)]


def _num_values(values: Values | Range) -> float:
    return values.num_values if isinstance(values, Range) else len(values)


def _draw_position(values: Values | Range, random: np.random.Generator) -> float:
    """Draw a number of a range, or the position of one of the values."""
    if not isinstance(values, Range):
        return int(random.integers(len(values)))
    low, high = values.low, values.high
    if values.integer:
        low, high = low - 0.5, high + 0.5  # each integer is as likely as its neighbours
    drawn = (
        float(np.exp(random.uniform(np.log(low), np.log(high))))
        if values.log
        else float(random.uniform(low, high))
    )
    if values.integer:
        return int(np.clip(round(drawn), values.low, values.high))
    return float(np.clip(drawn, values.low, values.high))
