"""Attempts that find the disk full: requeued, not counted, and tried again."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.db.session import Database
from app.db.tables import JobEvent
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.disks import MIB, SmallDisk, mounting_small_disk
from tests.servers import wait_until
from tests.unit.worker.attempts import begin_attempt, get_item, get_job
from worker.child import Command, Exited
from worker.kinds import make_kinds
from worker.loop import WorkerLoop
from worker.postponed import Postponed
from worker.protocol import Failed
from worker.reaper import Reaper
from worker.recorder import Recorder
from worker.supervisor import supervise

FULL = Failed(code="STORAGE_FULL", message="The storage has no space left.")

WRITES_TOO_MUCH = """
import errno
from pydantic import BaseModel
from worker.child_main import run_child

class Config(BaseModel):
    pass

def write(config, watchdog):
    raise OSError(errno.ENOSPC, "No space left on device")

run_child("full", Config, write)
"""

BUSY = "import time\ntime.sleep(600)\n"


def list_reasons(database: Database) -> list[str]:
    """The reasons of the only job's events `requeued`."""
    with database.reading() as session:
        requeued = select(JobEvent).where(JobEvent.type == "requeued")
        return [event.payload["reason"] for event in session.scalars(requeued)]


def assert_waits(database: Database, recorder: Recorder) -> None:
    """The job waits in its queue as if the attempt had not been."""
    assert (get_job(database).status, list_reasons(database)) == ("queued", ["STORAGE_FULL"])
    item = get_item(database)
    assert (item.status, item.attempt, item.strikes) == ("queued", 0, 0)
    assert (recorder.has_ended, recorder.outcome, recorder.lacks_space) == (True, "requeued", True)


def make_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Command:
    name = f"full_{uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    return Command(name, "{}")


def test_a_child_without_space_is_queued_again(
    database: Database, storage: LocalStorage, settings: Settings
) -> None:
    recorder = begin_attempt(database, storage, settings)
    recorder.record(FULL)
    assert_waits(database, recorder)


def test_a_crash_on_a_full_disk_is_not_counted(
    database: Database, storage: LocalStorage, settings: Settings
) -> None:
    full = settings.model_copy(update={"storage_floor_bytes": 10**18})
    recorder = begin_attempt(database, storage, full)
    recorder.end(Exited(-7))
    assert_waits(database, recorder)


def test_a_library_that_finds_the_disk_full_is_understood(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = begin_attempt(database, storage, settings)
    command = make_command(tmp_path, monkeypatch, WRITES_TOO_MUCH)
    supervise(command, recorder, threading.Event(), settings)
    assert_waits(database, recorder)


def test_work_for_which_a_client_waits_fails(settings: Settings, storage: LocalStorage) -> None:
    kinds = make_kinds(settings, storage)
    assert [name for name, kind in kinds.items() if not kind.waits_for_space] == ["export"]


def test_a_worker_claims_nothing_below_the_floor(
    database: Database, storage: LocalStorage, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = begin_attempt(database, storage, settings)
    recorder.requeue("the worker is shutting down")
    loop = WorkerLoop(settings.model_copy(update={"storage_floor_bytes": 10**18}), "train")
    try:
        loop.take_work()
        loop.take_work()
    finally:
        loop.database.close()
    assert get_item(database).status == "queued"
    (record,) = [one for one in caplog.records if "the queue train waits" in one.message]
    assert "GRAFT_STORAGE_FLOOR_BYTES" in record.message


def test_an_item_waits_longer_each_time_and_others_pass_it(
    database: Database, storage: LocalStorage, settings: Settings
) -> None:
    moment = 1000.0
    postponed = Postponed(lambda: moment)
    recorder = begin_attempt(database, storage, settings)
    recorder.record(FULL)
    item_id = recorder.lease.item_id
    postponed.postpone(item_id)
    for seconds in (5, 10, 20, 40, 60, 60):
        moment += seconds - 0.1
        assert postponed.list_waiting() == [item_id]
        with database.transaction() as session:
            waiting = postponed.list_waiting()
            assert work.claim(session, "train", "me", postponed=waiting) is None
        moment += 0.1
        assert postponed.list_waiting() == []
        postponed.postpone(item_id)
    postponed.forget(item_id)
    assert postponed.list_waiting() == []
    with database.transaction() as session:
        assert work.claim(session, "train", "me", postponed=["another"]) is not None


class TestOnASmallDisk:
    """The database's own disk is full, and it has no reserve."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[SmallDisk]:
        with mounting_small_disk(tmp_path / "small", 16 * MIB) as disk:
            yield disk

    @pytest.fixture
    def settings(self, settings: Settings, disk: SmallDisk) -> Settings:
        return settings.model_copy(
            update={
                "data_dir": disk.root / "graft",
                "storage_floor_bytes": 0,
                "heartbeat_seconds": 0.1,
                "silence_seconds": 0.5,
            }
        )

    def test_a_job_whose_end_cannot_be_written_is_queued_once_it_can(
        self,
        database: Database,
        storage: LocalStorage,
        settings: Settings,
        disk: SmallDisk,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        recorder = begin_attempt(database, storage, settings)
        command = make_command(tmp_path, monkeypatch, BUSY)
        with ThreadPoolExecutor(1) as thread:
            disk.fill()
            running = thread.submit(supervise, command, recorder, threading.Event(), settings)
            wait_until(lambda: "the database's disk is full" in caplog.text, "the attempt")
            assert not running.done()
            disk.free()
            running.result(timeout=60)
        assert_waits(database, recorder)

    def test_no_lease_expires_because_heartbeats_could_not_be_written(
        self, database: Database, storage: LocalStorage, settings: Settings, disk: SmallDisk
    ) -> None:
        moment = 1000.0
        begin_attempt(database, storage, settings)
        kinds = make_kinds(settings, storage)
        reaper = Reaper(database, kinds, storage, lease_seconds=30, clock=lambda: moment)
        disk.fill()
        for _ in range(40):
            moment += 3
            reaper.check()
        disk.free()
        moment += 3
        reaper.check()
        assert get_item(database).status == "running"
        for _ in range(10):
            moment += 3
            reaper.check()
        assert get_item(database).status == "queued"

    def test_the_reserve_is_written_once_there_is_space(
        self, settings: Settings, disk: SmallDisk, database: Database
    ) -> None:
        loop = WorkerLoop(settings.model_copy(update={"storage_floor_bytes": 4 * MIB}), "train")
        reserve = settings.data_dir / "graft.db-reserve"
        try:
            disk.fill(leave=3 * MIB)
            loop.take_work()
            assert not reserve.exists()
            disk.free()
            loop.take_work()
            assert reserve.stat().st_size == MIB // 4
            disk.fill()
            with database.transaction():
                assert not reserve.exists()
        finally:
            loop.database.close()
        assert shutil.disk_usage(disk.root).free >= MIB // 4
