"""Back up the database and the files that its rows refer to, while the service runs.

The rows are read in one snapshot. Files are immutable and complete before a row refers to them, so
the files of a snapshot can be copied after it. Only what running work replaces within seconds is
opened inside the snapshot: an open file can be read after it was deleted. If another file is
missing, because somebody deleted its owner meanwhile, a new snapshot is taken.
"""

import gzip
import io
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO, cast

from sqlalchemy.orm import Session

from app.backup.archive import FILES, MANIFEST, ROWS, SUMS, Writer, hash_file, writing
from app.backup.manifest import Manifest
from app.backup.references import list_growing_keys, list_referenced_keys, list_short_lived_keys
from app.backup.rows import dump_rows
from app.db.base import now
from app.db.migrate import find_revision
from app.db.session import Database
from app.errors import StorageFull, Unavailable
from app.settings import Settings
from app.settings_text import mask_passwords
from app.space import find_free_bytes, format_bytes
from app.storage import LocalStorage

_MAX_SNAPSHOTS = 10
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Snapshot:
    """The rows of one moment, the keys of their files, and open short-lived files by key.

    growing has the keys of unfinished uploads with the number of bytes that the rows know.
    """

    rows: IO[bytes]
    tables: dict[str, int]
    keys: set[str]
    opened: dict[str, BinaryIO]
    growing: dict[str, int]


def back_up(settings: Settings, target: Path) -> Manifest:
    """Write a backup to a folder or a tar file; it appears there when it is complete.

    Raises Unavailable without a database, Conflict if the target exists, StorageFull if its disk is
    too small.
    """
    revision = find_revision(settings.sqlalchemy_url)
    if revision is None:
        shown = mask_passwords(settings.sqlalchemy_url)
        raise Unavailable(f"{shown} has no tables, so there is nothing to back up.")
    storage = LocalStorage(settings.storage_dir)
    database = Database(settings.sqlalchemy_url)
    try:
        with writing(target) as writer:
            return _write(_Copier(writer, storage), database, storage, target, revision)
    finally:
        database.close()


class _Copier:
    """Copies files once, whatever the number of snapshots; sums has their digests by name."""

    def __init__(self, writer: Writer, storage: LocalStorage) -> None:
        self.writer = writer
        self.storage = storage
        self.sums: dict[str, str] = {}
        self.sizes: dict[str, int] = {}

    def copy_all(self, snapshot: Snapshot) -> set[str]:
        """Copy the files of a snapshot; return the keys of those that are missing."""
        missing = set()
        for key in [*snapshot.opened, *sorted(snapshot.keys - snapshot.opened.keys())]:
            name = FILES + key
            if name in self.sums and key not in snapshot.growing:
                continue
            if name in self.sums:
                self.writer.remove(name)
            try:
                with snapshot.opened.get(key) or self.storage.path(key).open("rb") as file:
                    self.add(name, file, snapshot.growing.get(key))
            except FileNotFoundError:
                missing.add(key)
        return missing

    def add(self, name: str, file: IO[bytes], num_bytes: int | None = None) -> None:
        """Copy the first num_bytes of a file, by default all."""
        if num_bytes is None:
            num_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        self.sums[name] = self.writer.add(name, cast("BinaryIO", file), num_bytes)
        self.sizes[name] = num_bytes

    def keep_only(self, keys: set[str]) -> None:
        """Forget the files of earlier snapshots that this one does not refer to."""
        for name in [one for one in self.sums if one.removeprefix(FILES) not in keys]:
            self.writer.remove(name)
            del self.sums[name]
            del self.sizes[name]


def _write(
    copier: _Copier, database: Database, storage: LocalStorage, target: Path, revision: str
) -> Manifest:
    missing: set[str] = set()
    for _ in range(_MAX_SNAPSHOTS):
        with _taking_snapshot(database, storage, target.absolute().parent) as snapshot:
            _require_space(snapshot, copier, storage, target)
            found = copier.copy_all(snapshot)
            is_final = not found or found == missing
            missing = found
            if is_final:
                copier.keep_only(snapshot.keys)
                return _finish(copier, snapshot, database, revision, missing)
        time.sleep(_PAUSE_SECONDS)
    raise Unavailable(
        f"Files were deleted in each of {_MAX_SNAPSHOTS} attempts, such as {min(missing)}. Try "
        "again when less is being deleted."
    )


def _finish(
    copier: _Copier, snapshot: Snapshot, database: Database, revision: str, missing: set[str]
) -> Manifest:
    copier.add(ROWS, snapshot.rows)
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(copier.sums.items()))
    sums = io.BytesIO(lines.encode())
    manifest = Manifest(
        created_at=now(),
        version=version("graft-server"),
        revision=revision,
        database=database.engine.dialect.name,
        tables=snapshot.tables,
        num_files=len(copier.sums) - 1,
        num_bytes=sum(copier.sizes.values()),
        missing=sorted(missing),
        sums_sha256=hash_file(sums),
    )
    copier.add(SUMS, sums)
    copier.add(MANIFEST, io.BytesIO(manifest.model_dump_json(indent=2).encode()))
    return manifest


@contextmanager
def _taking_snapshot(database: Database, storage: LocalStorage, folder: Path) -> Iterator[Snapshot]:
    """Read all rows in one snapshot; the short-lived files stay open until the block ends.

    folder has space for the rows; the system's temporary folder may be small.
    """
    with ExitStack() as stack:
        rows = stack.enter_context(TemporaryFile(dir=folder))
        with database.reading() as session:
            _begin_snapshot(session)
            opened: dict[str, BinaryIO] = {}
            for key in list_short_lived_keys(session):
                try:
                    opened[key] = stack.enter_context(storage.path(key).open("rb"))
                except FileNotFoundError:
                    continue  # found missing when it is copied
            with gzip.GzipFile(fileobj=rows, mode="wb", compresslevel=3, mtime=0) as compressed:
                tables = dump_rows(session, cast("BinaryIO", compressed))
            keys = list_referenced_keys(session)
            growing = list_growing_keys(session)
        yield Snapshot(rows, tables, keys, opened, growing)


def _begin_snapshot(session: Session) -> None:
    """Let all reads of a session see one state; SQLite does so anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _require_space(
    snapshot: Snapshot, copier: _Copier, storage: LocalStorage, target: Path
) -> None:
    needed = snapshot.rows.seek(0, io.SEEK_END)
    for key in snapshot.keys:
        if FILES + key not in copier.sums:
            try:
                needed += storage.num_bytes(key)
            except FileNotFoundError:
                continue
    free = find_free_bytes(target.absolute().parent)
    if free is not None and free < needed:
        raise StorageFull(
            f"The backup needs {format_bytes(needed)}, and {target.absolute().parent} has "
            f"{format_bytes(free)} of free space."
        )
