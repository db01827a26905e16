"""Values in words, as tables and messages show them."""

from collections.abc import Mapping
from datetime import datetime


def one_line(text: str) -> str:
    """Return a text without line breaks and without characters that could control a terminal."""
    return "".join(one if one.isprintable() else " " for one in " ".join(text.split()))


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun, such as `1 image` or `1,200 images`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def share(value: float | None) -> str:
    """Return an accuracy or a probability, 0-1, with three digits; `-` where there is none."""
    return "-" if value is None else f"{value:.3f}"


def moment(time: datetime | None) -> str:
    """Return a time in the zone of this machine; `-` where there is none."""
    return "-" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def pairs(values: Mapping[str, object]) -> str:
    """Return names with values in one line, such as `a 1, b 2`; `-` if there are none."""
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "-"
