"""The limit on database connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text
from sqlalchemy.pool import QueuePool

from app.db.session import Database


@pytest.fixture
def narrow(either_database: Database) -> Iterator[Database]:
    """Return the same database with at most two connections."""
    url = either_database.engine.url.render_as_string(hide_password=False)
    database = Database(url, max_connections=2)
    yield database
    database.close()


def test_threads_wait_for_a_free_connection(narrow: Database) -> None:
    def ask(number: int) -> tuple[int, int]:
        with narrow.reading() as session:
            answer = session.execute(text(f"SELECT {number}")).scalar_one()
            pool = narrow.engine.pool
            assert isinstance(pool, QueuePool)
            return answer, pool.checkedout()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(200)))
    assert [answer for answer, _ in answers] == list(range(200))
    assert max(used for _, used in answers) <= 2


def test_a_connection_in_use_is_closed_when_it_is_returned(either_database: Database) -> None:
    url = either_database.engine.url.render_as_string(hide_password=False)
    database = Database(url)
    closed: list[object] = []
    event.listen(database.engine, "close", lambda connection, _record: closed.append(connection))
    with database.reading() as session:
        connection = session.connection().connection.dbapi_connection
        database.close()
        assert session.execute(text("SELECT 1")).scalar_one() == 1
        assert closed == []
    assert closed == [connection]
