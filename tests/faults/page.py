"""Write docs/reliability.md from the figures of `make faults`: `python -m tests.faults.page`."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.bad_input_rows import BAD_INPUT
from tests.faults.figures import REPOSITORY, Figure, read_figures
from tests.faults.rows import BEYOND, FAULTS, Row

PAGE = REPOSITORY / "docs" / "reliability.md"

INTRODUCTION = """\
# Reliability

`make faults` disturbs real processes on loopback, measures what follows, and writes this page.
A short form of each test runs in `make test`. Leases are short in these tests: a heartbeat every
0.2 s, a lease of 1 s, and a child that ends after 0.7 s without its worker. With the default
[settings](settings.md) (5 s, 30 s and 20 s) detection takes accordingly longer. Other programs
may have run beside a test, so times are upper bounds. An answer 0 is a connection that ended
without one.
"""

FOOTNOTE = """\
A row is *met* if the test found what must happen, and *shown by tests* if the tests measure
nothing. Otherwise the row says what is missing.
"""


def write_page(figures: Sequence[Figure], page: Path = PAGE) -> None:
    """Write the page from the figures and the list of rows."""
    parts = [
        INTRODUCTION,
        f"Measured on {describe_machine()}, {datetime.now(UTC):%Y-%m-%d}.\n"
        if figures
        else "The long forms have not been run for this page yet.\n",
        "## Faults\n",
        "\n".join(make_table(FAULTS, figures)) + "\n",
        "## Bad input\n",
        "\n".join(make_table(BAD_INPUT, figures)) + "\n",
        "## Any order, any request\n",
        "\n".join(make_table(BEYOND, figures)) + "\n",
        FOOTNOTE,
    ]
    page.write_text("\n".join(parts), encoding="utf-8")


def make_table(rows: Iterable[Row], figures: Sequence[Figure]) -> list[str]:
    """Return the lines of a table; a row without a figure names its tests or its reason."""
    lines = ["| row | what was done | figure | result |", "|---|---|---|---|"]
    for row in rows:
        number = f"{row.id}. " if row.id.isdigit() else ""
        title = f"{number}{row.title}"
        found = [one for one in figures if one.row == row.id]
        lines += [
            f"| {title} | {escape(one.done)} | {escape(one.figure)} | {judge(one, row)} |"
            for one in found
        ]
        if not found:
            lines.append(f"| {title} | | | {describe_unmeasured(row)} |")
    return lines


def judge(figure: Figure, row: Row) -> str:
    result = "met" if figure.is_met else f"not met. {figure.reason}".strip()
    return f"{result}. {row.note}" if row.note else result


def describe_unmeasured(row: Row) -> str:
    if row.short and not row.long:
        return f"shown by tests. {row.note}".strip()
    if row.long:
        return f"not measured yet. {row.note}".strip()
    return f"not shown. {row.note}"


def escape(text: str) -> str:
    return text.replace("|", "\\|")


def describe_machine() -> str:
    """Name the machine: its processor, cores, memory and system."""
    model = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        for line in cpu_info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {gib:.0f} GiB of memory, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    write_page(read_figures())
