"""Database calls end when the database does not respond."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.db import timeouts
from app.db.session import Database


@pytest.fixture
def limited(either_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Return the same database with one connection and short limits."""
    monkeypatch.setattr(timeouts, "_GRACE_SECONDS", 0.5)
    url = either_database.engine.url.render_as_string(hide_password=False)
    database = Database(url, max_connections=1, timeout_seconds=0.5)
    yield database
    database.close()


def test_a_thread_waits_for_a_connection_only_so_long(limited: Database) -> None:
    with limited.reading() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(PoolTimeout), limited.reading() as other:
            other.execute(text("SELECT 1"))


def test_the_wait_for_sqlites_lock_ends(database: Database) -> None:
    with (
        closing(Database(database.engine.url.render_as_string(), timeout_seconds=0.2)) as limited,
        database.transaction() as session,
    ):
        session.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"), limited.transaction() as other:
            other.execute(text("SELECT 1"))


@pytest.mark.parametrize("either_database", ["postgresql"], indirect=True)
def test_postgres_ends_a_long_statement(limited: Database) -> None:
    with pytest.raises(OperationalError, match="statement timeout"), limited.reading() as session:
        session.execute(text("SELECT pg_sleep(600)"))
    with limited.reading() as session:
        assert session.execute(text("SELECT 2")).scalar_one() == 2


@pytest.mark.parametrize("either_database", ["postgresql"], indirect=True)
def test_a_rollback_without_a_transaction_keeps_the_connection(limited: Database) -> None:
    """The driver has nothing to wait for then."""
    backends = []
    for _ in range(2):
        with limited.reading() as session:
            backends.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
            session.connection().connection.rollback()  # and again at the end of the block
    assert backends[0] == backends[1]


@pytest.mark.parametrize("either_database", ["postgresql"], indirect=True)
def test_the_locks_of_an_abandoned_transaction_are_released(either_database: Database) -> None:
    """A process that is frozen in a transaction looks to the server like one that sends nothing."""
    url = either_database.engine.url.render_as_string(hide_password=False)
    lock = text("SELECT pg_advisory_xact_lock(7)")
    with (
        closing(Database(url, timeout_seconds=20, abandoned_seconds=0.5)) as frozen_process,
        frozen_process.reading() as session,
    ):
        session.execute(lock)
        with either_database.reading() as other:
            other.execute(text("SET LOCAL lock_timeout = '30s'"))
            other.execute(lock)
        with pytest.raises(OperationalError, match="idle-in-transaction timeout"):
            session.execute(text("SELECT 1"))


@pytest.mark.parametrize("either_database", ["postgresql"], indirect=True)
def test_a_frozen_postgres_is_left(limited: Database) -> None:
    with limited.reading() as session:
        backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with frozen(backend), pytest.raises(OperationalError, match="did not respond in time"):
            session.execute(text("SELECT 1"))
    with limited.reading() as session:
        assert session.execute(text("SELECT 2")).scalar_one() == 2


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
