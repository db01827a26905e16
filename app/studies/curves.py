"""Data of one curve in a study's chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.tables import Epoch

MAX_CURVES = 21
"""Number of distinguishable curves: seven colours in three line styles."""


@dataclass(frozen=True)
class Curve:
    """One configuration: the epochs of its runs, and their mean best validation accuracy (0-1)."""

    label: str
    runs: Sequence[Sequence[Epoch]]
    best: float | None
