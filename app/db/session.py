"""The database engine, with sessions to write (`transaction()`) and to read (`reading()`).

Only this module commits. SQLite runs in WAL mode and takes its write lock at BEGIN: a deferred
transaction that upgrades later fails at once instead of waiting (SQLite, "Isolation", §2).
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.orm import Session

from app.db.base import UtcDateTime, now

SQLITE_BUSY_SECONDS = 60
_KEPT_CONNECTIONS = 10

OnCommit = Callable[[frozenset[str]], None]


class Database:
    """Sessions on one database; the first of them opens the first connection."""

    def __init__(
        self, url: str, *, on_commit: OnCommit | None = None, max_connections: int = 40
    ) -> None:
        """`on_commit` is called with the queues to which a committed transaction added work.

        Threads beyond max_connections wait for one of them.
        """
        self.engine = _create_engine(url, max_connections)
        self.on_commit = on_commit
        self._writer = self.engine.execution_options(writes=True)
        self._watch: sqlite3.Connection | None = None
        self._watch_lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session that is committed at the end of the block, and rolled back on an error."""
        with Session(self._writer, expire_on_commit=False) as session:
            yield session
            session.commit()
            queues = frozenset(session.info.get("queues_to_notify", ()))
        if queues and self.on_commit:
            self.on_commit(queues)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only session on one snapshot of the database."""
        with Session(self.engine, autoflush=False) as session:
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

    def close(self) -> None:
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


def _create_engine(url: str, max_connections: int) -> Engine:
    parsed = make_url(url)
    kept = min(_KEPT_CONNECTIONS, max_connections)
    pool = {"pool_size": kept, "max_overflow": max_connections - kept}
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, **pool)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # otherwise the driver sends a deferred BEGIN
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
