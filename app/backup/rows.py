"""Write the rows of all tables as JSON lines, and insert them into an empty database.

The tables are those that the database has, not those of this version, and the lines do not depend
on the kind of database: rows of SQLite can be restored into PostgreSQL, and the reverse. A line is
either a table's name with its columns, or the values of a row of the last named table.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.orm import Session

from app.errors import InputProblem, ValidationFailed

NOT_COPIED = {"alembic_version", "worker"}
"""The schema's revision, which the manifest has, and rows that live as long as their process."""

_ROWS_AT_ONCE = 1000


def reflect_tables(session: Session) -> list[Table]:
    """Return the tables whose rows are copied, each after those that it refers to."""
    metadata = MetaData()
    metadata.reflect(session.connection())
    return [table for table in metadata.sorted_tables if table.name not in NOT_COPIED]


def count_rows(session: Session) -> dict[str, int]:
    """Return the number of rows of each table that has any."""
    counts = {
        table.name: session.scalar(select(func.count()).select_from(table)) or 0
        for table in reflect_tables(session)
    }
    return {name: number for name, number in counts.items() if number}


def dump_rows(session: Session, file: BinaryIO) -> dict[str, int]:
    """Write all rows; return their number by table."""
    counts: dict[str, int] = {}
    for table in reflect_tables(session):
        _write_line(file, {"table": table.name, "columns": [column.name for column in table.c]})
        query = select(*(_as_text(column) for column in table.c)).order_by(*table.primary_key)
        rows = session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
        counts[table.name] = 0
        for row in rows:
            _write_line(file, [_encode(value) for value in row])
            counts[table.name] += 1
    return counts


def load_rows(session: Session, lines: Iterable[bytes]) -> dict[str, int]:
    """Insert rows in the place of those that migrations have made; return their number by table.

    Raises ValidationFailed if a table or column does not exist, so that nothing is left out.
    """
    tables = {table.name: table for table in reflect_tables(session)}
    for table in reversed(tables.values()):
        session.execute(delete(table))
    counts: dict[str, int] = {}
    for header, rows in _group(lines):
        table, names = _find_columns(tables, header)
        columns = [table.c[name] for name in names]
        statement = table.insert().values(
            {column.name: _bind(column, session) for column in columns}
        )
        decoders = [_choose_decoder(column) for column in columns]
        counts[table.name] = 0
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            values = [
                {
                    f"v_{name}": decode(value)
                    for name, decode, value in zip(names, decoders, row, strict=True)
                }
                for row in some
            ]
            session.execute(statement, values)
            counts[table.name] += len(values)
    for table in tables.values():
        _continue_sequences(session, table)
    return counts


def _find_columns(tables: Mapping[str, Table], header: dict[str, Any]) -> tuple[Table, list[str]]:
    table, names = tables.get(header["table"]), header["columns"]
    if table is None or not set(names) <= set(table.c.keys()):
        raise ValidationFailed(
            InputProblem(("rows",), f"The schema has no table {header['table']} with {names}.")
        )
    return table, names


def _write_line(file: BinaryIO, content: object) -> None:
    file.write(json.dumps(content, separators=(",", ":")).encode() + b"\n")


def _as_text(column: Column[Any]) -> ColumnElement[Any]:
    """Select JSON as its text, because a null of SQL and one of JSON would both be None."""
    if isinstance(column.type, JSON):
        return cast(column, Text).label(column.name)
    return column


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    return value


def _choose_decoder(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, DateTime):
        return lambda value: value and datetime.fromisoformat(value)
    if isinstance(column.type, LargeBinary):
        return lambda value: None if value is None else base64.b64decode(value)
    return lambda value: value


def _bind(column: Column[Any], session: Session) -> ColumnElement[Any]:
    if not isinstance(column.type, JSON):
        return bindparam(f"v_{column.name}", type_=column.type)
    as_text = bindparam(f"v_{column.name}", type_=Text())
    return as_text if session.get_bind().dialect.name == "sqlite" else cast(as_text, column.type)


def _group(lines: Iterable[bytes]) -> Iterator[tuple[dict[str, Any], Iterator[Sequence[Any]]]]:
    """Yield the header of each table with its rows, which must be read before the next header."""
    parsed = (json.loads(line) for line in lines)
    following: list[dict[str, Any]] = []

    def read_rows() -> Iterator[Sequence[Any]]:
        for one in parsed:
            if isinstance(one, dict):
                following.append(one)
                return
            yield one

    for first in parsed:
        following.append(first)
        break
    while following:
        yield following.pop(), read_rows()


def _continue_sequences(session: Session, table: Table) -> None:
    """Let PostgreSQL number new rows after the inserted ones."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for column in table.primary_key:
        if not isinstance(column.type, Integer):
            continue
        names = {"table": table.name, "column": column.name}
        sequence = session.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), names)
        highest = session.scalar(select(func.max(column))) if sequence else None
        if highest is not None:
            session.execute(select(func.setval(sequence, highest)))
