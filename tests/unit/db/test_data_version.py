"""The number that changes with every commit (`Database.find_data_version`)."""

from contextlib import suppress

from sqlalchemy import text

from app.db.base import new_id
from app.db.session import Database
from app.db.tables import Model


def add_model(database: Database) -> None:
    with database.transaction() as session:
        session.add(Model(name=new_id("m")[:20], last_version=0, labels={}))


def test_every_commit_of_any_connection_changes_the_number(database: Database) -> None:
    versions = [database.find_data_version()]
    add_model(database)
    versions.append(database.find_data_version())
    elsewhere = Database(str(database.engine.url))
    add_model(elsewhere)
    elsewhere.close()
    versions.append(database.find_data_version())
    assert len(set(versions)) == 3
    assert None not in versions


def test_reads_and_rollbacks_do_not_change_the_number(database: Database) -> None:
    version = database.find_data_version()
    with database.reading() as session:
        session.execute(text("SELECT count(*) FROM model"))
    with suppress(ZeroDivisionError), database.transaction() as session:
        session.add(Model(name="given-up", last_version=0, labels={}))
        session.flush()
        _ = 1 / 0
    assert database.find_data_version() == version


def test_other_databases_return_none(either_database: Database) -> None:
    is_sqlite = either_database.engine.dialect.name == "sqlite"
    assert (either_database.find_data_version() is not None) is is_sqlite
