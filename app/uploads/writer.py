"""Append the bytes of one request to an upload's file, durably.

The methods block; `app.uploads.receiving` calls them in threads, one at a time. The lock of the
file (flock) holds for all processes that share the storage, and ends with a process that is killed.
Bytes beyond the offset in the database may be in the file after a crash; they are written again.
"""

import errno
import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.db.session import Database
from app.db.upload_table import ResumableUpload
from app.errors import BodyTooLarge, StorageFull
from app.storage import LocalStorage
from app.upload_errors import ChecksumMismatch, UploadGone, UploadLocked
from app.uploads import service
from app.uploads.schemas import ALGORITHMS, Checksum

COMMIT_BYTES = 32 * 1024 * 1024
COMMIT_SECONDS = 5.0
"""A long request records its offset this often, so that a crash costs little."""


@dataclass(frozen=True)
class Target:
    """Where the bytes of a request go; checksum is that of all its bytes, if there is one."""

    upload_id: str
    offset: int
    checksum: Checksum | None
    expires_seconds: float


class UploadWriter:
    """The open and locked file of an upload."""

    def __init__(self, database: Database, storage: LocalStorage, target: Target) -> None:
        """Open and lock the file.

        Raises NotFound, UploadLocked while another request writes, UploadGone, UploadUsed and
        UploadOffsetMismatch.
        """
        self._database = database
        self._target = target
        with database.reading() as session:
            key = service.get_upload(session, target.upload_id).storage_key
        self._file = _open_file(storage.locate(key), target.upload_id)
        try:
            self.upload = self._lock()
        except BaseException:
            os.close(self._file)
            raise
        self._digest: Any = ALGORITHMS[target.checksum.algorithm]() if target.checksum else None
        self._position = target.offset
        self._committed = target.offset
        self._committed_at = time.monotonic()
        self._has_failed = False

    def write(self, piece: bytes) -> None:
        """Write bytes; records the offset now and then unless a checksum is awaited.

        Raises StorageFull, BodyTooLarge and what `service.advance` raises.
        """
        try:
            self._append(piece)
            if self._digest is not None:
                self._digest.update(piece)
            elif (
                self._position - self._committed >= COMMIT_BYTES
                or time.monotonic() - self._committed_at >= COMMIT_SECONDS
            ):
                self._commit()
        except BaseException:
            self._has_failed = True
            raise

    def close(self, *, is_complete: bool) -> None:
        """Record the offset and release the lock; raises StorageFull and ChecksumMismatch.

        Bytes with a checksum count only if the request is complete and the checksum is right.
        After an error, the bytes that are not recorded are dropped.
        """
        try:
            if self._has_failed:
                return
            if self._target.checksum is None:
                self._commit()
            elif is_complete:
                self._require_digest(self._target.checksum)
                self._commit()
        finally:
            with suppress(OSError):
                if self._position != self._committed:
                    os.ftruncate(self._file, self._committed)
            os.close(self._file)

    def _lock(self) -> ResumableUpload:
        """Lock the file for this request alone, and drop what lies beyond the offset."""
        upload_id = self._target.upload_id
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UploadLocked(
                f"Another request is sending bytes of {upload_id}; try again when it has ended."
            ) from error
        with self._database.reading() as session:  # after the lock: the offset is the latest
            upload = service.get_continuable(session, upload_id, offset=self._target.offset)
        if os.fstat(self._file).st_size < self._target.offset:
            raise _lost(upload_id)
        os.ftruncate(self._file, self._target.offset)
        return upload

    def _append(self, piece: bytes) -> None:
        if len(piece) > self.upload.length - self._position:
            raise BodyTooLarge(
                f"The body is longer than the {self.upload.length - self._target.offset} bytes "
                f"that {self._target.upload_id} misses."
            )
        view = memoryview(piece)
        try:
            while view:
                written = os.pwrite(self._file, view, self._position)
                self._position += written
                view = view[written:]
        except OSError as error:
            raise _explain(error) from error

    def _commit(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _explain(error) from error
        with self._database.transaction() as session:
            self.upload = service.advance(
                session,
                self._target.upload_id,
                old_offset=self._committed,
                new_offset=self._position,
                expires_seconds=self._target.expires_seconds,
            )
        self._committed, self._committed_at = self._position, time.monotonic()

    def _require_digest(self, checksum: Checksum) -> None:
        found = self._digest.digest()
        if found != checksum.digest:
            raise ChecksumMismatch(
                f"The {checksum.algorithm} of the {self._position - self._committed} bytes that "
                f"arrived is {found.hex()}, not {checksum.digest.hex()}; they were dropped. Send "
                "them again."
            )


def create_file(storage: LocalStorage, key: str) -> None:
    """Create the empty file of an upload; raises StorageFull."""
    path = storage.locate(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except OSError as error:
        raise _explain(error) from error


def _open_file(path: Path, upload_id: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _lost(upload_id) from error


def _lost(upload_id: str) -> UploadGone:
    return UploadGone(f"The bytes of {upload_id} are lost; upload the file again.")


def _explain(error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull("The storage has no space left; continue the upload once there is some.")
    return error
