"""Conditions of SQL queries for the filters of lists and for a search box."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, CompoundSelect, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute


def matches(
    text: str, name: InstrumentedAttribute[str], key: InstrumentedAttribute[str] | None = None
) -> ColumnElement[bool]:
    """Return whether a name contains a text or an id starts with it, in upper or lower case.

    Every character stands for itself, `%` and `_` included.
    """
    wanted = text.strip().lower()
    contains = func.lower(name).contains(wanted, autoescape=True)
    return contains if key is None else or_(contains, key.startswith(wanted, autoescape=True))


def select_newest(
    key: InstrumentedAttribute[str],
    conditions: Sequence[ColumnElement[bool]],
    column: InstrumentedAttribute[str],
    values: Collection[str],
    *,
    limit: int,
) -> CompoundSelect[tuple[str]]:
    """Select the newest ids of each of several values of a column.

    key is the id; conditions hold for all rows. Each value reads its own part of an index in order,
    at most `limit` rows; `column IN (…) ORDER BY id` would sort all matching rows.
    """
    parts = [
        select(key.label("id"))
        .where(*conditions, column == value)
        .order_by(key.desc())
        .limit(limit)
        .subquery()
        for value in dict.fromkeys(values)
    ]
    return union_all(*(select(part.c.id) for part in parts))
