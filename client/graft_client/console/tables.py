"""Tables for a terminal; every cell is plain text, whatever the service has in it."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from graft_client.console.text import one_line


def table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()
) -> Table:
    """Return a table; the columns named in `right` are aligned right, as numbers are."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    numbers = set(right)
    for index, heading in enumerate(headings):
        justify = "right" if heading in numbers else "left"
        overflow = "fold" if index == 0 else "ellipsis"  # an id must be complete
        result.add_column(heading, justify=justify, overflow=overflow, no_wrap=index == 0)  # type: ignore[arg-type]  # one of rich's words
    for row in rows:
        result.add_row(*map(cell, row))
    return result


def facts(rows: Iterable[tuple[str, object]]) -> Table:
    """Return names with their values; those whose value is None are left out."""
    result = Table.grid(padding=(0, 2))
    result.add_column(style="dim", no_wrap=True)
    result.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            result.add_row(name, cell(value))
    return result


def cell(value: object) -> Text:
    """Return a value as text without markup."""
    return (
        value if isinstance(value, Text) else Text(one_line("-" if value is None else str(value)))
    )


def title(text: str) -> Text:
    """Return a line in bold."""
    return Text(one_line(text), style="bold")
