"""What is durable of an upload whose request breaks off."""

import os
from collections.abc import AsyncIterator, Callable
from hashlib import sha256

import anyio
import pytest
from sqlalchemy import select

from app.db.session import Database
from app.db.upload_table import ResumableUpload
from app.errors import BodyIncomplete, NotFound
from app.settings import Settings
from app.storage import LocalStorage
from app.upload_errors import UploadLocked
from app.uploads import service, writer
from app.uploads.receiving import receive
from app.uploads.schemas import Checksum
from app.uploads.writer import Target, UploadWriter, create_file

Open = Callable[..., UploadWriter]

KEY = "uploads/upl_1"


@pytest.fixture
def open_writer(database: Database, storage: LocalStorage, settings: Settings) -> Open:
    """Opens an upload of ten million bytes at an offset."""
    with database.transaction() as session:
        service.create_upload(
            session, settings, upload_id="upl_1", length=10**7, metadata_header=""
        )
    create_file(storage, KEY)

    def open_at(offset: int = 0, checksum: Checksum | None = None) -> UploadWriter:
        return UploadWriter(database, storage, Target("upl_1", offset, checksum, 60))

    return open_at


def offset_of(database: Database) -> int:
    with database.reading() as session:
        return session.scalars(select(ResumableUpload)).one().offset


async def broken(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise BodyIncomplete("The connection was closed before the body was complete.")


def test_what_arrived_before_a_disconnect_is_kept(
    open_writer: Open, database: Database, storage: LocalStorage
) -> None:
    with pytest.raises(BodyIncomplete):
        anyio.run(receive, broken(b"abc", bytes(2 * 2**20), b"d"), open_writer())
    assert offset_of(database) == 2 * 2**20 + 4
    assert storage.path(KEY).read_bytes() == b"abc" + bytes(2 * 2**20) + b"d"
    open_writer(2 * 2**20 + 4).close(is_complete=True)  # the lock is free


def test_an_incomplete_body_with_a_checksum_is_dropped(
    open_writer: Open, database: Database, storage: LocalStorage
) -> None:
    checksum = Checksum("sha256", sha256(b"abcd").digest())
    with pytest.raises(BodyIncomplete):
        anyio.run(receive, broken(b"abc", bytes(2 * 2**20)), open_writer(0, checksum))
    assert (offset_of(database), storage.num_bytes(KEY)) == (0, 0)


def test_two_writers_exclude_each_other_also_within_a_process(open_writer: Open) -> None:
    first = open_writer()
    with pytest.raises(UploadLocked):
        open_writer()
    first.close(is_complete=True)
    open_writer().close(is_complete=True)


def test_the_offset_is_recorded_on_the_way_after_the_bytes_are_durable(
    open_writer: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "COMMIT_BYTES", 1000)
    calls: list[tuple[int, int]] = []
    fsync = os.fsync

    def note(file: int) -> None:
        fsync(file)
        calls.append((os.fstat(file).st_size, offset_of(database)))

    monkeypatch.setattr(os, "fsync", note)
    one = open_writer()
    for _ in range(4):
        one.write(bytes(600))
    assert (calls, offset_of(database)) == ([(1200, 0), (2400, 1200)], 2400)
    one.write(b"abc")
    one.close(is_complete=False)
    assert offset_of(database) == 2403


def test_an_upload_deleted_meanwhile_takes_no_bytes(
    open_writer: Open, database: Database, storage: LocalStorage
) -> None:
    one = open_writer()
    with database.transaction() as session:
        storage.delete(service.delete_upload(session, "upl_1"))
    one.write(b"abc")
    with pytest.raises(NotFound):
        one.close(is_complete=True)
    assert list(storage.list_keys()) == []
