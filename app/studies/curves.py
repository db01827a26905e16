"""The curves of a study's chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.tables import Epoch

MAX_CURVES = 21
"""Seven colours in three line styles, which tell the curves apart."""


@dataclass(frozen=True)
class Curve:
    """One configuration: the epochs of each of its runs, and their mean best accuracy (0-1)."""

    label: str
    runs: Sequence[Sequence[Epoch]]
    best: float | None
