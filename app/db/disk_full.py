"""Recognize a full disk in the errors of database drivers."""

import sqlite3

from sqlalchemy.exc import DBAPIError

_SQLITE_NAMES = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
"""The second is for the index of the write-ahead log, which SQLite cannot enlarge."""

_POSTGRES_STATE = "53100"
"""PostgreSQL, "Error Codes": disk_full."""


def is_disk_full(error: DBAPIError) -> bool:
    """Return whether a database could not write because its disk is full."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorname", "") in _SQLITE_NAMES
    return getattr(cause, "sqlstate", None) == _POSTGRES_STATE
