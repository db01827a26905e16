"""The database engine, with sessions to write (`transaction()`) and to read (`reading()`).

Only this module commits. SQLite runs in WAL mode and takes its write lock at BEGIN: a deferred
transaction that upgrades later fails at once instead of waiting (SQLite, "Isolation", §2).
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.base import UtcDateTime, now
from app.db.tenant_filter import TenantSession, announce_tenant, require_filter
from app.db.timeouts import POOL_SECONDS, end_abandoned_transactions, limit_postgres
from app.space import is_nearly_full, reserve_of

SQLITE_BUSY_SECONDS = 60
_KEPT_CONNECTIONS = 10

OnCommit = Callable[[frozenset[str]], None]


class Database:
    """Sessions on one database; the first of them opens the first connection."""

    def __init__(
        self,
        url: str,
        *,
        on_commit: OnCommit | None = None,
        max_connections: int = 40,
        timeout_seconds: float | None = None,
        abandoned_seconds: float | None = None,
    ) -> None:
        """`on_commit` is called with the queues to which a committed transaction added work.

        Threads beyond max_connections wait for one of them. A statement, and the wait for a lock,
        end after timeout_seconds; without it, only the wait for SQLite's lock ends. PostgreSQL
        rolls back a transaction in which this process sends nothing for abandoned_seconds.
        """
        self.engine = _create_engine(url, max_connections, timeout_seconds, abandoned_seconds)
        self.on_commit = on_commit
        file = self.engine.url.database if self.engine.dialect.name == "sqlite" else None
        self._reserve = reserve_of(Path(file)) if file else None
        self._writer = self.engine.execution_options(writes=True)
        self._watch: sqlite3.Connection | None = None
        self._watch_lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session that is committed at the end of the block, and rolled back on an error.

        On a nearly full disk this deletes the reserve, so that SQLite can write what frees space.
        """
        if self._reserve and self.is_nearly_full():
            self._reserve.unlink(missing_ok=True)
        with TenantSession(self._writer, expire_on_commit=False) as session:
            yield session
            session.commit()
            queues = frozenset(session.info.get("queues_to_notify", ()))
        if queues and self.on_commit:
            self.on_commit(queues)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only session on one snapshot of the database."""
        with TenantSession(self.engine, autoflush=False) as session:
            yield session

    def find_data_version(self) -> int | None:
        """Return a number that changes with each commit of another connection.

        Reading it takes microseconds. Returns None for PostgreSQL, which has no such number.
        Source: SQLite, "PRAGMA data_version".
        """
        if self.engine.dialect.name != "sqlite":
            return None
        with self._watch_lock:
            if self._watch is None:
                self._watch = sqlite3.connect(
                    str(self.engine.url.database), check_same_thread=False
                )
            (data_version,) = self._watch.execute("PRAGMA data_version").fetchone()
            return int(data_version)

    def is_nearly_full(self) -> bool:
        """Return whether SQLite's disk is so full that it may be unable to write."""
        return self._reserve is not None and is_nearly_full(self._reserve.parent)

    def close(self) -> None:
        """Close all connections: those in use as soon as their threads return them."""
        event.listen(self.engine.pool, "checkin", _close_returned)
        self.engine.dispose()
        if self._watch is not None:
            self._watch.close()


def read_clock(session: Session) -> datetime:
    """Return the time by the database's clock, which all machines share; SQLite has only one."""
    if session.get_bind().dialect.name == "sqlite":
        return now()
    return session.scalars(select(func.clock_timestamp(type_=UtcDateTime()))).one()


def notify_after_commit(session: Session, queue: str) -> None:
    """Notify the workers of a queue once this transaction is committed."""
    session.info.setdefault("queues_to_notify", set()).add(queue)


def _create_engine(
    url: str,
    max_connections: int,
    timeout_seconds: float | None,
    abandoned_seconds: float | None,
) -> Engine:
    parsed = make_url(url)
    kept = min(_KEPT_CONNECTIONS, max_connections)
    pool: dict[str, Any] = {"pool_size": kept, "max_overflow": max_connections - kept}
    if timeout_seconds is not None:
        pool["pool_timeout"] = min(POOL_SECONDS, timeout_seconds)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, pool_pre_ping=True, **pool)
        event.listen(engine, "begin", announce_tenant)
        event.listen(engine, "before_cursor_execute", require_filter)
        if abandoned_seconds is not None:
            end_abandoned_transactions(engine, abandoned_seconds)
        if timeout_seconds is not None:
            limit_postgres(engine, timeout_seconds)
        return engine
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, **pool)
    busy_seconds = SQLITE_BUSY_SECONDS if timeout_seconds is None else timeout_seconds
    event.listen(engine, "connect", partial(_prepare_sqlite, busy_seconds))
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "before_cursor_execute", require_filter)
    return engine


def _close_returned(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _prepare_sqlite(busy_seconds: float, connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # otherwise the driver sends a deferred BEGIN
    for pragma in (
        f"busy_timeout={int(busy_seconds * 1000)}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
