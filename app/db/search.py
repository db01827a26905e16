"""Conditions of SQL queries for what a person types into a search box."""

from sqlalchemy import ColumnElement, func, or_
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
