"""Curves in a terminal, drawn with braille characters of 2 x 4 dots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_FIRST_CHARACTER = 0x2800
_DOT_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot by row and column (Unicode, Braille Patterns)."""

_DOTS_ACROSS, _DOTS_DOWN = 2, 4
_DASH_DOTS = 3
_AXIS_CHARACTERS = 7
_MIN_COLUMNS, _MAX_COLUMNS = 10, 100
HEIGHT = 10


@dataclass(frozen=True)
class Curve:
    """A named line; a dashed one can be told from another without colour."""

    name: str
    color: str
    points: Sequence[tuple[float, float]]
    is_dashed: bool = False

    @property
    def finite_points(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [(x, y) for x, y in self.points if math.isfinite(y)]


class _Canvas:
    """Dots in colours; the last curve gives a character its colour."""

    def __init__(self, columns: int, rows: int) -> None:
        self.width, self.height = columns * _DOTS_ACROSS, rows * _DOTS_DOWN
        self._bits = [[0] * columns for _ in range(rows)]
        self._colors = [[""] * columns for _ in range(rows)]

    def set(self, x: int, y: int, color: str) -> None:
        """Set a dot; y counts from the top."""
        row, column = y // _DOTS_DOWN, x // _DOTS_ACROSS
        self._bits[row][column] |= _DOT_BITS[y % _DOTS_DOWN][x % _DOTS_ACROSS]
        self._colors[row][column] = color

    def line(self, start: tuple[int, int], end: tuple[int, int], curve: Curve) -> None:
        """Draw from one dot to another."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            x = round(start[0] + (end[0] - start[0]) * step / steps)
            y = round(start[1] + (end[1] - start[1]) * step / steps)
            if not curve.is_dashed or (x + y) // _DASH_DOTS % 2 == 0:
                self.set(x, y, curve.color)

    def rows(self) -> list[Text]:
        """Return the lines of characters."""
        return [
            Text.assemble(
                *(
                    (chr(_FIRST_CHARACTER + bit), color)
                    for bit, color in zip(bits, row, strict=True)
                )
            )
            for bits, row in zip(self._bits, self._colors, strict=True)
        ]


def chart(
    heading: str,
    curves: Sequence[Curve],
    *,
    width: int,
    x_label: str,
    limits: tuple[float, float] | None = None,
) -> list[Text]:
    """Return a chart of at most `width` characters, line by line; limits are those of y."""
    drawn = [(curve, curve.finite_points) for curve in curves]
    points = [point for _, found in drawn for point in found]
    if not points:
        return [Text(f"{heading}: no values")]
    columns = max(_MIN_COLUMNS, min(_MAX_COLUMNS, width - _AXIS_CHARACTERS - 2))
    canvas = _Canvas(columns, HEIGHT)
    low, high = limits or _range([y for _, y in points])
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    for curve, found in drawn:
        dots = [
            (
                _place(x, first, last, canvas.width),
                canvas.height - 1 - _place(min(max(y, low), high), low, high, canvas.height),
            )
            for x, y in found
        ]
        for start, end in zip(dots, dots[1:] or dots, strict=False):
            canvas.line(start, end, curve)
    labels = {0: f"{high:.3g}", HEIGHT // 2: f"{(low + high) / 2:.3g}", HEIGHT - 1: f"{low:.3g}"}
    body = [
        Text.assemble((f"{labels.get(index, ''):>{_AXIS_CHARACTERS}} │", "dim"), row)
        for index, row in enumerate(canvas.rows())
    ]
    left, right = f"{first:g}", f"{x_label} {last:g}"
    gap = max(1, columns - len(left) - len(right))
    foot = Text(f"{'':>{_AXIS_CHARACTERS}}  {left}{'':>{gap}}{right}", style="dim")
    return [_legend(heading, curves), *body, foot]


def _legend(heading: str, curves: Sequence[Curve]) -> Text:
    line = Text(heading, style="bold")
    for curve in curves:
        sample = "╌╌" if curve.is_dashed else "──"
        line.append(f"   {sample} ", style=f"not bold {curve.color}")
        line.append(curve.name, style="not bold")
    return line


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _place(value: float, low: float, high: float, num_dots: int) -> int:
    """Return the dot of a value, 0 for the lowest."""
    part = (value - low) / (high - low) if high > low else 0.5
    return round(part * (num_dots - 1))
