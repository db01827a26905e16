"""The loop of a worker before its children can start."""

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.db.session import Database
from app.db.tables import Dataset, WorkItem
from app.jobs import service as jobs
from app.processes.forking import Forker, child_environment
from app.recipes.schemas import JobRequest
from app.settings import Settings
from tests.datasets import add_dataset
from tests.servers import wait_until
from worker import spawning
from worker.loop import WorkerLoop

SLOW_MODULE = """
import pathlib, time

folder = pathlib.Path(__file__).parent
(folder / "importing").touch()
while not (folder / "go_on").exists():
    time.sleep(0.01)
"""


def test_nothing_is_claimed_while_children_cannot_start(
    database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"slow_{uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(SLOW_MODULE)
    monkeypatch.chdir(tmp_path)  # from which the fork server imports
    forker = Forker(child_environment(), [name])
    monkeypatch.setattr(spawning, "_forkers", [forker])
    dataset_id = add_dataset(database)
    with database.transaction() as session:
        request = JobRequest(dataset_id=dataset_id, weights="none")
        jobs.create_job(session, request, settings)
        session.get_one(Dataset, dataset_id).status = "invalid"  # so the job needs no child
    loop = WorkerLoop(settings, "train")
    worker = threading.Thread(target=loop.take_work)
    worker.start()
    wait_until((tmp_path / "importing").exists, "the import")
    assert get_status(database) == "queued"
    (tmp_path / "go_on").touch()
    worker.join()
    assert get_status(database) == "done"
    forker.close()
    loop.database.close()


def get_status(database: Database) -> str:
    with database.reading() as session:
        return session.scalars(select(WorkItem.status)).one()
