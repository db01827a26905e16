"""Collect the figures of the long forms in build/reliability.json, for docs/reliability.md."""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "build" / "reliability.json"


@dataclass(frozen=True)
class Figure:
    """What a test of a row has done and found; reason says why a row is not met."""

    row: str
    test: str
    done: str
    figure: str
    is_met: bool
    reason: str = ""


class Figures:
    """Adds the figures of one test to the file."""

    def __init__(self, test: str, file: Path = FILE) -> None:
        self.test = test
        self.file = file

    def record(
        self, row: str, *, done: str, figure: str, is_met: bool = True, reason: str = ""
    ) -> None:
        """Replace this test's figure of a row."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            known = json.loads(file.read() or "[]")
            kept = [one for one in known if (one["row"], one["test"]) != (row, self.test)]
            added = Figure(row, self.test, done, figure, is_met, reason)
            file.truncate(0)
            json.dump([*kept, asdict(added)], file, indent=1)


def list_counts(counts: Mapping[Any, int]) -> str:
    """Return counts as text: `200: 12, 503: 3`; 0 is a connection that ended without an answer."""
    return ", ".join(f"{name}: {number}" for name, number in sorted(counts.items()))


def read_figures(file: Path = FILE) -> list[Figure]:
    """Return all figures; none if no long form has run."""
    if not file.exists():
        return []
    return [Figure(**one) for one in json.loads(file.read_text(encoding="utf-8"))]
