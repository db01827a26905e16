"""Attempts with a silent child, and attempts without a database."""

import os
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.servers import list_descendants, refusing_connections
from tests.unit.worker.attempts import begin_attempt, get_item, get_job
from worker.child import Command
from worker.supervisor import supervise

SILENT = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a child that sends nothing and ignores SIGTERM."""
    name = f"silent_{uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(SILENT)
    monkeypatch.chdir(tmp_path)
    return Command(name, "{}")


def test_a_silent_child_is_killed_and_its_job_fails(
    database: Database, storage: LocalStorage, settings: Settings, silent: Command
) -> None:
    short = settings.model_copy(
        update={"progress_timeout_seconds": 0.5, "heartbeat_seconds": 0.1, "drain_seconds": 600}
    )
    recorder = begin_attempt(database, storage, short)
    supervise(silent, recorder, threading.Event(), short)
    assert silent.module not in " ".join(list_descendants(os.getpid()).values())
    assert recorder.outcome == "failed"
    job, item = get_job(database), get_item(database)
    assert (job.status, job.error_code) == ("failed", "NO_PROGRESS")
    assert "0.5 seconds" in str(job.error_message)
    assert item.status == "done", "the attempt would end the same way again"


def test_without_a_database_the_child_is_stopped_and_the_lease_left_to_the_reaper(
    postgres_database: Database, storage: LocalStorage, settings: Settings, silent: Command
) -> None:
    impatient = settings.model_copy(update={"heartbeat_seconds": 0.1, "silence_seconds": 0.5})
    recorder = begin_attempt(postgres_database, storage, impatient)
    url = postgres_database.engine.url.render_as_string(hide_password=False)
    with refusing_connections(url):
        supervise(silent, recorder, threading.Event(), impatient)
        assert silent.module not in " ".join(list_descendants(os.getpid()).values())
    assert recorder.outcome == "lost"
    assert (get_job(postgres_database).status, get_item(postgres_database).status) == (
        "running",
        "running",
    )
