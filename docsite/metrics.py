"""Write the table of metrics from the collectors that `GET /metrics` uses."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docsite.schemas import in_cell


def write_metrics() -> str:
    """Return the table of every metric of the service, by name."""
    rows = sorted(_list_metrics())
    head = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    return "\n".join(head + [f"| `{name}` | {rest}" for name, rest in rows]) + "\n"


def _list_metrics() -> Iterator[tuple[str, str]]:
    from app.db.migrate import migrate_database  # noqa: PLC0415 - slow to import
    from app.db.session import Database  # noqa: PLC0415 - as above
    from app.telemetry.metrics import REGISTRY  # noqa: PLC0415 - as above
    from app.telemetry.scraping.devices import DeviceMetrics  # noqa: PLC0415 - as above
    from app.telemetry.scraping.stored import StoredMetrics  # noqa: PLC0415 - as above

    for collector in REGISTRY._collector_to_names:  # noqa: SLF001 - the library lists no collectors
        yield _describe(collector.describe()[0], collector._labelnames)  # type: ignore[attr-defined]  # noqa: SLF001 - nor labels
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'empty.db'}"
        migrate_database(url)
        database = Database(url)
        for metric in (*StoredMetrics(database).collect(), *DeviceMetrics().collect()):
            yield _describe(metric, metric._labelnames)  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        database.engine.dispose()


def _describe(metric: Any, labels: tuple[str, ...]) -> tuple[str, str]:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    named = ", ".join(f"`{label}`" for label in labels)
    return name, f"{metric.type} | {named} | {in_cell(metric.documentation)} |"
