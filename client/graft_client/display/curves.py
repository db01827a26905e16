"""Draw the curves of a job as SVG, without a library."""

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_client.schemas.jobs import Epoch

WIDTH, HEIGHT = 320, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 18, 16
_VAL, _TRAIN = "#2f6f4e", "#b8860b"


def curves_svg(epochs: Sequence["Epoch"]) -> str:
    """Return the accuracies and losses by epoch as two small charts."""
    if not epochs:
        return ""
    accuracy = _chart(epochs, "accuracy", ("train_accuracy", "val_accuracy"), limits=(0.0, 1.0))
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{accuracy}' + (
        _chart(epochs, "loss", ("train_loss", "val_loss")) + "</div>"
    )


def _chart(
    epochs: Sequence["Epoch"],
    title: str,
    columns: tuple[str, str],
    *,
    limits: tuple[float, float] | None = None,
) -> str:
    series = [[float(getattr(epoch, column)) for epoch in epochs] for column in columns]
    finite = [value for values in series for value in values if math.isfinite(value)]
    low, high = limits or ((min(finite), max(finite)) if finite else (0.0, 1.0))
    lines = "".join(
        _line(epochs, values, low, high, color)
        for values, color in zip(series, (_TRAIN, _VAL), strict=True)
    )
    best = [index for index, epoch in enumerate(epochs) if epoch.is_best][-1:]
    mark = "".join(
        f'<circle cx="{_x(epochs, index):.1f}" cy="{_y(series[1][index], low, high):.1f}" r="3" '
        f'fill="{_VAL}"/>'
        for index in best
        if math.isfinite(series[1][index])
    )
    last = epochs[-1].epoch
    label = escape(
        f"{title} of {len(epochs)} epochs; the last validation {title} is {series[1][-1]:.3f}"
    )
    return (
        f'<svg role="img" aria-label="{label}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-size="10" font-family="sans-serif" '
        f'fill="currentColor">'
        f'<text x="{_LEFT}" y="11">{escape(title)}: '
        f'<tspan fill="{_VAL}">validation</tspan>, <tspan fill="{_TRAIN}">training</tspan></text>'
        f'<text x="{_LEFT - 4}" y="{_TOP + 4}" text-anchor="end">{high:.2g}</text>'
        f'<text x="{_LEFT - 4}" y="{HEIGHT - _BOTTOM}" text-anchor="end">{low:.2g}</text>'
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 3}" text-anchor="end">epoch {last}</text>'
        f'<path d="M{_LEFT} {_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}" stroke="currentColor" '
        f'stroke-opacity="0.3" fill="none"/>{lines}{mark}</svg>'
    )


def _line(
    epochs: Sequence["Epoch"], values: Sequence[float], low: float, high: float, color: str
) -> str:
    points = " ".join(
        f"{_x(epochs, index):.1f},{_y(value, low, high):.1f}"
        for index, value in enumerate(values)
        if math.isfinite(value)
    )
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>'


def _x(epochs: Sequence["Epoch"], index: int) -> float:
    first, last = epochs[0].epoch, epochs[-1].epoch
    share = (epochs[index].epoch - first) / (last - first) if last > first else 0.5
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)
