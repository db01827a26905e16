"""Back up and restore rows and files, between both kinds of database."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, cast, select

from app.backup.create import back_up
from app.backup.errors import BackupInvalid
from app.backup.restore import check_backup, restore
from app.backup.rows import count_rows, reflect_tables
from app.db.base import now
from app.db.migrate import migrate_database
from app.db.session import Database
from app.db.tables import DatasetImage, Job, Model
from app.db.upload_table import ResumableUpload
from app.errors import Conflict, InUse, Unavailable, ValidationFailed
from app.folder_lock import locking
from app.jobs import service as jobs
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from tests.datasets import add_dataset
from tests.unit.worker.attempts import begin_attempt

IMAGE, MANIFEST_KEY = "images/ab/abcd", "datasets/1/manifest.jsonl"


def write(storage: LocalStorage, key: str, content: bytes) -> None:
    with storage.new_file(key) as file:
        file.write(content)


def fill(database: Database, storage: LocalStorage, settings: Settings) -> None:
    """Store a dataset with an image, a queued job, and values that are easily lost."""
    for key in (IMAGE, MANIFEST_KEY, "images/xx/unreferenced"):
        write(storage, key, key.encode())
    dataset_id = add_dataset(
        database,
        manifest_key=MANIFEST_KEY,
        labels={"näme": "€"},
        created_at=datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC),
    )
    with database.transaction() as session:
        session.add(
            DatasetImage(
                dataset_id=dataset_id,
                image_id=1,
                split="train",
                class_name="amber",
                path="a.jpg",
                storage_key=IMAGE,
                sha256="0" * 64,
                num_bytes=2**40,
                width=1,
                height=1,
            )
        )
        session.add(Model(name="colors", last_version=0, labels={}, gate=None))
        jobs.create_job(session, JobRequest(dataset_id=dataset_id, weights="none"), settings)


def read_all(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of a database; JSON as the value, and times in UTC."""
    with database.reading() as session:
        return {
            table.name: sorted(
                (
                    {column.name: _plain(row[index]) for index, column in enumerate(table.c)}
                    for row in session.execute(select(table))
                ),
                key=lambda row: repr(sorted(row.items())),
            )
            for table in reflect_tables(session)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


@pytest.fixture
def filled(either_database: Database, storage: LocalStorage, settings: Settings) -> Settings:
    """The settings of a service with rows and files, on both databases."""
    url = either_database.engine.url.render_as_string(hide_password=False)
    fill(either_database, storage, settings)
    return settings.model_copy(update={"database_url": url})


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of another machine."""
    return settings.model_copy(update={"data_dir": tmp_path / "elsewhere", "database_url": ""})


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_everything_is_restored_elsewhere(
    filled: Settings, elsewhere: Settings, either_database: Database, tmp_path: Path, name: str
) -> None:
    made = back_up(filled, tmp_path / name)
    assert [path.name for path in tmp_path.glob("backup*")] == [name]
    assert (made.num_files, made.missing) == (2, [])
    assert check_backup(tmp_path / name) == made
    assert restore(elsewhere, tmp_path / name) == made
    storage = LocalStorage(elsewhere.storage_dir)
    assert list(storage.list_keys()) == [MANIFEST_KEY, IMAGE], "unreferenced files are left out"
    assert storage.path(IMAGE).read_bytes() == IMAGE.encode()
    copy = Database(elsewhere.sqlalchemy_url)
    assert read_all(copy) == read_all(either_database)
    assert made.tables["dataset_image"] == 1
    copy.close()


def test_a_database_can_move_to_postgresql(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    elsewhere: Settings,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    fill(database, storage, settings)
    back_up(settings, tmp_path / "backup")
    restore(elsewhere.model_copy(update={"database_url": postgres_url}), tmp_path / "backup")
    moved = Database(postgres_url)
    assert read_all(moved) == read_all(database)
    with moved.reading() as session:
        gate = session.execute(select(cast(Model.gate, Text))).scalar_one()
        assert gate == "null", "a null of JSON, as the service stores it"
    moved.close()


def test_a_database_with_rows_is_not_touched(
    filled: Settings, either_database: Database, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "backup")
    before = read_all(either_database)
    with pytest.raises(Conflict, match=r"already has rows: dataset \(1\), dataset_image \(1\)"):
        restore(filled, tmp_path / "backup")
    assert read_all(either_database) == before


def test_an_empty_database_of_another_schema_is_brought_to_the_backup_s(
    filled: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "backup")
    migrate_database(elsewhere.sqlalchemy_url)
    restore(elsewhere, tmp_path / "backup")
    with pytest.raises(Conflict, match="already has rows"):
        restore(elsewhere, tmp_path / "backup")


def test_a_folder_in_use_is_refused(filled: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "backup")
    with locking(elsewhere.data_dir), pytest.raises(InUse):
        restore(elsewhere, tmp_path / "backup")


def test_a_storage_with_other_files_is_refused(
    filled: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "backup")
    write(LocalStorage(elsewhere.storage_dir), "images/zz/other", b"other")
    with pytest.raises(Conflict, match="has other files, such as images/zz/other"):
        restore(elsewhere, tmp_path / "backup")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "SHA256SUMS", f"files/{IMAGE}"])
def test_a_damaged_entry_is_named_and_nothing_is_restored(
    filled: Settings, elsewhere: Settings, tmp_path: Path, name: str
) -> None:
    back_up(filled, tmp_path / "backup")
    flip(tmp_path / "backup" / name)
    with pytest.raises(BackupInvalid, match=f"{name} of the backup is damaged"):
        check_backup(tmp_path / "backup")
    with pytest.raises(BackupInvalid, match=f"{name} of the backup is damaged"):
        restore(elsewhere, tmp_path / "backup")
    with Database(elsewhere.sqlalchemy_url).reading() as session:
        assert reflect_tables(session) == [] or count_rows(session) == {}
    (tmp_path / "backup" / name).unlink()
    with pytest.raises(BackupInvalid, match=f"The backup has no {name}"):
        check_backup(tmp_path / "backup")


def test_a_backup_of_a_newer_version_is_refused(
    filled: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    made = back_up(filled, tmp_path / "backup")
    newer = made.model_copy(update={"revision": "9999"})
    (tmp_path / "backup" / "manifest.json").write_text(newer.model_dump_json())
    with pytest.raises(BackupInvalid, match="schema 9999, which this version does not know"):
        restore(elsewhere, tmp_path / "backup")


def test_what_is_no_backup_is_refused(elsewhere: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupInvalid, match="There is no backup"):
        restore(elsewhere, tmp_path / "none.tar")
    (tmp_path / "text.tar").write_text("text")
    with pytest.raises(BackupInvalid, match="neither a folder nor a tar file"):
        restore(elsewhere, tmp_path / "text.tar")
    with pytest.raises(Unavailable, match="has no tables"):
        back_up(elsewhere, tmp_path / "backup")


def test_a_target_that_exists_or_has_another_form_is_refused(
    filled: Settings, tmp_path: Path
) -> None:
    (tmp_path / "backup").mkdir()
    with pytest.raises(Conflict, match="exists already"):
        back_up(filled, tmp_path / "backup")
    with pytest.raises(ValidationFailed, match=r"must end in \.tar"):
        back_up(filled, tmp_path / "backup.tar.gz")


def test_a_missing_file_is_reported_and_the_rest_is_kept(
    filled: Settings, storage: LocalStorage, tmp_path: Path
) -> None:
    storage.delete(IMAGE)
    made = back_up(filled, tmp_path / "backup.tar")
    assert (made.missing, made.num_files) == ([IMAGE], 1)


def test_files_that_are_replaced_during_the_backup_are_in_it(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    elsewhere: Settings,
    tmp_path: Path,
) -> None:
    """A job replaces its state as fast as it can; the restored row refers to a restored file."""
    recorder = begin_attempt(database, storage, settings)
    job_id = recorder.lease.subject_id
    has_state, stopped = threading.Event(), threading.Event()

    def replace_states() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            key = f"jobs/{job_id}/{number}.state.pt"
            write(storage, key, str(number).encode())
            with database.transaction() as session:
                job = session.get_one(Job, job_id)
                old, job.state_key = job.state_key, key
            if old:
                storage.delete(old)
                has_state.set()

    writer = threading.Thread(target=replace_states)
    writer.start()
    try:
        has_state.wait()
        made = back_up(settings, tmp_path / "backup")
    finally:
        stopped.set()
        writer.join()
    assert made.missing == []
    restore(elsewhere, tmp_path / "backup")
    copy = Database(elsewhere.sqlalchemy_url)
    with copy.reading() as session:
        key = session.get_one(Job, job_id).state_key
    copy.close()
    assert key is not None
    number = key.rpartition("/")[2].partition(".")[0]
    assert LocalStorage(elsewhere.storage_dir).path(key).read_bytes() == number.encode()


def test_an_upload_that_grows_is_copied_up_to_what_its_row_knows(
    filled: Settings,
    either_database: Database,
    storage: LocalStorage,
    elsewhere: Settings,
    tmp_path: Path,
) -> None:
    write(storage, "uploads/upl_1", b"known, and more")
    with either_database.transaction() as session:
        session.add(
            ResumableUpload(
                id="upl_1",
                status="receiving",
                length=100,
                offset=5,
                metadata_header="",
                storage_key="uploads/upl_1",
                expires_at=now(),
            )
        )
    for name in ("backup", "backup.tar"):
        back_up(filled, tmp_path / name)
        folder = elsewhere.model_copy(update={"data_dir": tmp_path / f"from-{name}"})
        restore(folder, tmp_path / name)
        assert LocalStorage(folder.storage_dir).path("uploads/upl_1").read_bytes() == b"known"
