"""The number by which a reader knows that nothing was committed."""

from contextlib import suppress

from sqlalchemy import text

from app.db.base import new_id
from app.db.session import Database
from app.db.tables import Model


def add_model(database: Database) -> None:
    with database.transaction() as session:
        session.add(Model(name=new_id("m")[:20], last_version=0, labels={}))


def test_every_commit_of_any_connection_changes_the_mark(database: Database) -> None:
    marks = [database.find_data_version()]
    add_model(database)
    marks.append(database.find_data_version())
    elsewhere = Database(str(database.engine.url))
    add_model(elsewhere)
    elsewhere.close()
    marks.append(database.find_data_version())
    assert len(set(marks)) == 3
    assert None not in marks


def test_reading_and_rolling_back_leave_the_mark(database: Database) -> None:
    mark = database.find_data_version()
    with database.reading() as session:
        session.execute(text("SELECT count(*) FROM model"))
    with suppress(ZeroDivisionError), database.transaction() as session:
        session.add(Model(name="given-up", last_version=0, labels={}))
        session.flush()
        _ = 1 / 0
    assert database.find_data_version() == mark


def test_other_databases_give_none(either_database: Database) -> None:
    is_sqlite = either_database.engine.dialect.name == "sqlite"
    assert (either_database.find_data_version() is not None) is is_sqlite
