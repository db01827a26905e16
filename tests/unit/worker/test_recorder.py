"""The recorder while the database does not respond."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.servers import refusing_connections, wait_until
from tests.unit.worker.attempts import begin_attempt, get_item, get_job
from worker.recorder import DatabaseGoneError


def get_url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_a_write_is_retried_until_the_database_responds(
    postgres_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    patient = settings.model_copy(update={"heartbeat_seconds": 0.1, "silence_seconds": 120})
    recorder = begin_attempt(postgres_database, storage, patient)
    with ThreadPoolExecutor(1) as thread:
        with refusing_connections(get_url(postgres_database)):
            beat = thread.submit(recorder.beat)
            wait_until(beat.running, "the write")
            with pytest.raises(OperationalError):
                get_item(postgres_database)
            assert not beat.done()
        wishes = beat.result(timeout=60)
    assert (wishes.cancel, wishes.stop) == (False, False)
    assert get_item(postgres_database).heartbeat == 1


def test_a_database_that_stays_down_raises_and_nothing_is_written(
    postgres_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    impatient = settings.model_copy(update={"heartbeat_seconds": 0.1, "silence_seconds": 0.2})
    recorder = begin_attempt(postgres_database, storage, impatient)
    with (
        refusing_connections(get_url(postgres_database)),
        pytest.raises(DatabaseGoneError, match="the database has not responded for"),
    ):
        recorder.fail("INTERNAL", "it went wrong")
    assert (recorder.has_ended, recorder.outcome) == (False, "lost")
    assert get_job(postgres_database).status == "running"
    assert get_item(postgres_database).status == "running"
