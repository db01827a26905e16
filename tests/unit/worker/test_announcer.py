"""Workers announce themselves in the database."""

import logging
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.db.session import Database, read_clock
from app.db.worker_table import Worker
from app.settings import Settings
from app.tasks import workers
from app.tasks.workers import WorkerProcess
from tests.servers import refusing_connections, wait_until
from worker.announcer import Announcer
from worker.device_name import name_device

SOON = 0.05
OWNERS = {"cpu": "owner-1", "train": "owner-2"}


def list_rows(database: Database) -> Sequence[Worker]:
    with database.reading() as session:
        return session.scalars(select(Worker).order_by(Worker.id)).all()


def last_seen(database: Database) -> datetime | None:
    rows = list_rows(database)
    return rows[0].last_seen_at if rows else None


def make_older(database: Database, seconds: float) -> None:
    with database.transaction() as session:
        moment = read_clock(session) - timedelta(seconds=seconds)
        session.execute(update(Worker).values(last_seen_at=moment))


def test_a_worker_announces_itself_until_it_stops(either_database: Database) -> None:
    announcer = Announcer(either_database, OWNERS, "cpu", every_seconds=SOON)
    announcer.start()
    wait_until(lambda: last_seen(either_database) is not None, "the first announcement")
    (row,) = list_rows(either_database)
    assert (row.host, row.pid) == (socket.gethostname(), os.getpid())
    assert (row.owners, row.device) == (OWNERS, "cpu")
    first = row.started_at
    assert row.last_seen_at >= first
    wait_until(lambda: (last_seen(either_database) or first) > first, "the next announcement")
    (row,) = list_rows(either_database)
    assert row.started_at == first
    announcer.close()
    assert list_rows(either_database) == []


def test_a_row_that_was_deleted_comes_back_with_its_start(either_database: Database) -> None:
    announcer = Announcer(either_database, OWNERS, "cpu", every_seconds=SOON)
    announcer.start()
    wait_until(lambda: last_seen(either_database) is not None, "the first announcement")
    (row,) = list_rows(either_database)
    with either_database.transaction() as session:
        workers.forget(session, row.id)
    wait_until(lambda: last_seen(either_database) is not None, "another announcement")
    assert list_rows(either_database)[0].started_at == row.started_at
    announcer.close()


def test_workers_are_swept_after_an_hour_of_silence(either_database: Database) -> None:
    def announce(name: str) -> None:
        with either_database.transaction() as session:
            workers.announce(session, WorkerProcess(name, "here", 1, OWNERS, None))

    announce("worker_gone")
    make_older(either_database, 3590)
    announce("worker_new")
    assert [row.id for row in list_rows(either_database)] == ["worker_gone", "worker_new"]
    make_older(either_database, 3610)
    announce("worker_new")
    assert [row.id for row in list_rows(either_database)] == ["worker_new"]


def test_an_announcer_survives_an_outage_of_the_database(
    postgres_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres_database.engine.url.render_as_string(hide_password=False)
    announcer = Announcer(postgres_database, OWNERS, "cpu", every_seconds=SOON)
    announcer.start()
    wait_until(lambda: last_seen(postgres_database) is not None, "the first announcement")
    before = last_seen(postgres_database)
    assert before is not None
    with caplog.at_level(logging.WARNING), refusing_connections(url):
        wait_until(lambda: "cannot announce" in caplog.text, "the outage")
    wait_until(lambda: (last_seen(postgres_database) or before) > before, "the way back")
    assert caplog.text.count("cannot announce") == 1
    announcer.close()


@pytest.fixture
def set_torch(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_version(version: str) -> None:
        monkeypatch.setattr("worker.device_name.version", lambda _: version)

    return set_version


def test_a_worker_without_a_gpu_computes_on_the_cpu(
    settings: Settings, set_torch: Callable[[str], None]
) -> None:
    set_torch("2.11.0+cpu")
    assert name_device(settings) == "cpu"
    assert name_device(settings.model_copy(update={"device": "auto"})) == "cpu"
    assert name_device(settings.model_copy(update={"device": "cuda"})) is None
