"""Read and write the results in one JSON file, from which a later call continues."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.serving.ceiling import Ceiling
from benchmarks.serving.generator import Load


@dataclass(frozen=True)
class Record:
    """One load on one system. A failed one has an error and no load.

    kind: as in `System`. peak_mib: of all the system's processes. label and probability: its
    prediction before the load.
    """

    system: str
    kind: str
    network: str
    connections: int
    repeat: int
    load: Load | None = None
    peak_mib: float = 0.0
    alone_ms: float = 0.0
    label: str = ""
    probability: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def key(self) -> tuple[str, str, int, int]:
        return (self.system, self.network, self.connections, self.repeat)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Record":
        load = fields["load"]
        return cls(**(fields | {"load": Load(**load) if load else None}))


@dataclass(frozen=True)
class Results:
    """All results so far; ceilings by network."""

    machine: str
    ceilings: dict[str, Ceiling]
    records: list[Record]


def read_results(path: Path) -> Results:
    """Read the results of earlier calls without failures; empty if there is no file."""
    if not path.exists():
        return Results(describe_machine(), {}, [])
    content = json.loads(path.read_text())
    ceilings = {name: Ceiling.from_json(fields) for name, fields in content["ceilings"].items()}
    records = [Record.from_json(fields) for fields in content["runs"]]
    kept = [record for record in records if record.error is None]
    return Results(content["machine"], ceilings, kept)


def write_results(path: Path, ceilings: dict[str, Ceiling], records: Sequence[Record]) -> None:
    """Write the results with the machine and the time."""
    content = {
        "machine": describe_machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "ceilings": {name: asdict(ceiling) for name, ceiling in ceilings.items()},
        "runs": [asdict(record) for record in records],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")
