"""Check a backup, and restore it into an empty database and an empty storage folder."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from pydantic import ValidationError

from app.backup.archive import FILES, MANIFEST, ROWS, SUMS, HashingReader, Reader, hash_file
from app.backup.archive import reading as reading_backup
from app.backup.errors import BackupInvalid
from app.backup.manifest import Manifest
from app.backup.rows import count_rows, load_rows
from app.db.migrate import alembic_config, find_revision, migrate_database
from app.db.session import Database
from app.errors import Conflict
from app.folder_lock import locking
from app.settings import Settings
from app.settings_text import mask_passwords
from app.storage import LocalStorage


def check_backup(source: Path) -> Manifest:
    """Compare every entry with its digest; raises BackupInvalid, naming the first wrong one."""
    with reading_backup(source) as reader:
        manifest, sums = _read_sums(reader)
        for name, digest in sums.items():
            with reader.open(name) as file:
                _require_digest(name, hash_file(file), digest)
    return manifest


def restore(settings: Settings, source: Path) -> Manifest:
    """Restore a backup; the database changes in one transaction after all files are stored.

    Raises InUse while a service uses the data folder, Conflict if the database has rows or the
    storage other files, BackupInvalid if an entry is damaged or a newer version made the backup.
    """
    with locking(settings.data_dir), reading_backup(source) as reader:
        manifest, sums = _read_sums(reader)
        url = settings.sqlalchemy_url
        if manifest.revision not in _list_revisions(url):
            raise BackupInvalid(
                f"Graft {manifest.version} made the backup, with the database schema "
                f"{manifest.revision}, which this version does not know. Install that version."
            )
        _require_no_rows(url)
        keys = {name.removeprefix(FILES): digest for name, digest in sums.items() if name != ROWS}
        storage = LocalStorage(settings.storage_dir)
        _require_no_other_files(storage, keys)
        for key, digest in keys.items():
            _restore_file(reader, storage, key, digest)
        _restore_rows(reader, url, manifest.revision, sums[ROWS])
        migrate_database(url)
    return manifest


def _read_sums(reader: Reader) -> tuple[Manifest, dict[str, str]]:
    with reader.open(MANIFEST) as file:
        try:
            manifest = Manifest.model_validate_json(file.read())
        except ValidationError as error:
            raise BackupInvalid(f"The backup's {MANIFEST} cannot be read: {error}.") from error
    with reader.open(SUMS) as file:
        _require_digest(SUMS, hash_file(file), manifest.sums_sha256)
    with reader.open(SUMS) as file:
        lines = (line.decode().rstrip("\n").partition("  ") for line in file)
        sums = {name: digest for digest, _, name in lines}
    if ROWS not in sums:
        raise BackupInvalid(f"The backup's {SUMS} does not list {ROWS}.")
    return manifest, sums


def _require_digest(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise BackupInvalid(
            f"{name} of the backup is damaged: its sha256 is {found}, and it should be {expected}."
        )


def _list_revisions(url: str) -> set[str]:
    scripts = ScriptDirectory.from_config(alembic_config(url))
    return {script.revision for script in scripts.walk_revisions()}


def _require_no_rows(url: str) -> None:
    if find_revision(url) is None:
        return
    with _opening(url) as database, database.reading() as session:
        counts = count_rows(session)
    if counts:
        listed = ", ".join(f"{name} ({number})" for name, number in sorted(counts.items()))
        raise Conflict(
            f"{mask_passwords(url)} already has rows: {listed}. Restore into an empty database: "
            "set GRAFT_DATA_DIR to a new folder, or GRAFT_DATABASE_URL to a new database."
        )


def _require_no_other_files(storage: LocalStorage, keys: dict[str, str]) -> None:
    """Allow the files of this backup, which an interrupted attempt has left."""
    other = next((key for key in storage.list_keys() if key not in keys), None)
    if other is not None:
        raise Conflict(
            f"The storage folder {storage.root} has other files, such as {other}. Restore into an "
            "empty folder."
        )


def _restore_file(reader: Reader, storage: LocalStorage, key: str, digest: str) -> None:
    with reader.open(FILES + key) as source, storage.new_file(key) as file:
        hashing = HashingReader(source)
        shutil.copyfileobj(hashing, file)
        _require_digest(FILES + key, hashing.sha256, digest)


def _restore_rows(reader: Reader, url: str, revision: str, digest: str) -> None:
    """Make the schema that the backup's database had, and insert the rows."""
    with reader.open(ROWS) as file:
        _require_digest(ROWS, hash_file(file), digest)
    if find_revision(url) not in {None, revision}:
        command.downgrade(alembic_config(url), "base")  # it has no rows
    command.upgrade(alembic_config(url), revision)
    with (
        _opening(url) as database,
        reader.open(ROWS) as file,
        gzip.open(file) as lines,
        database.transaction() as session,
    ):
        load_rows(session, lines)


@contextmanager
def _opening(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()
