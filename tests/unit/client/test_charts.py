"""Charts of braille characters."""

import math

import pytest

from graft_client.console.charts import HEIGHT, Curve, chart

LOWEST, HIGHEST = 0, HEIGHT - 1


def draw(*curves: Curve, limits: tuple[float, float] | None = None) -> list[str]:
    return [line.plain for line in chart("loss", curves, width=40, x_label="epoch", limits=limits)]


def rows_with_dots(lines: list[str]) -> list[int]:
    body = lines[1 : 1 + HEIGHT]
    return [row for row, line in enumerate(body) if set(line.partition("│")[2]) - {"\u2800"}]


def test_a_line_goes_from_corner_to_corner() -> None:
    lines = draw(Curve("val", "green", [(1, 0.0), (10, 1.0)]))
    first, last = lines[1].partition("│")[2], lines[HEIGHT].partition("│")[2]
    assert last[0] != "\u2800"
    assert first[-1] != "\u2800"
    assert first[0] == last[-1] == "\u2800"
    assert rows_with_dots(lines) == list(range(HEIGHT))
    assert lines[0].startswith("loss")
    assert lines[-1].split() == ["1", "epoch", "10"]


def test_limits_place_a_constant() -> None:
    assert rows_with_dots(draw(Curve("a", "", [(1, 1.0), (2, 1.0)]), limits=(0, 1))) == [0]
    assert rows_with_dots(draw(Curve("a", "", [(1, 0.0), (2, 0.0)]), limits=(0, 1))) == [HIGHEST]
    assert len(rows_with_dots(draw(Curve("a", "", [(1, 5.0)])))) == 1


def test_values_that_are_no_numbers_are_left_out() -> None:
    points = [(1, 1.0), (2, math.nan), (3, math.inf), (4, 0.0)]
    assert rows_with_dots(draw(Curve("a", "", points))) == list(range(HEIGHT))
    assert draw(Curve("a", "", [(1, math.nan)])) == ["loss: no values"]


def test_dashes_tell_curves_apart_without_colour() -> None:
    points = [(1, 0.5), (2, 0.5)]

    def count(curve: Curve) -> int:
        body = "".join(line.partition("│")[2] for line in draw(curve)[1 : 1 + HEIGHT])
        return sum((ord(one) - 0x2800).bit_count() for one in body)

    assert count(Curve("a", "", points, is_dashed=True)) == pytest.approx(
        count(Curve("a", "", points)) / 2, abs=3
    )
