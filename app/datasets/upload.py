"""Stream an upload into storage; threads do the file access, so the event loop is never blocked."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

import anyio
from anyio.to_thread import run_sync

from app.datasets.archive.formats import SNIFF_BYTES, sniff
from app.db.tenancy import file_folder, owning_tenant
from app.errors import InputProblem, ValidationFailed
from app.space import Space
from app.storage import Storage
from app.web.multipart import Part

FIELDS = ("name", "val_fraction", "split_seed", "metadata")

_WRITE_BYTES = 1024 * 1024
_MAX_FIELD_BYTES = 128 * 1024


@dataclass(frozen=True)
class Upload:
    """A stored file, and the form fields that were sent with it."""

    key: str
    filename: str
    sha256: str
    num_bytes: int
    fields: dict[str, str]


def upload_key(subject_id: str) -> str:
    """Return the storage key of the archive that is uploaded for a dataset or a batch."""
    return f"{file_folder(owning_tenant())}uploads/{subject_id}"


async def receive_upload(
    parts: AsyncIterator[Part],
    storage: Storage,
    *,
    key: str,
    space: Space,
    allowed: Sequence[str] = FIELDS,
) -> Upload:
    """Stream the part `file` to a storage key and collect the allowed form fields.

    Raises ArchiveInvalid or ArchiveUnsupported after the first bytes, ValidationFailed for unknown,
    repeated or missing parts, StorageFull once the floor of space is reached, and the errors of
    `read_parts`. After an error the key is deleted.
    """
    try:
        return await _collect(parts, storage, key, space, allowed)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_sync(storage.delete, key)
        raise


async def _collect(
    parts: AsyncIterator[Part], storage: Storage, key: str, space: Space, allowed: Sequence[str]
) -> Upload:
    filename, sha256, num_bytes = None, "", 0
    fields: dict[str, str] = {}
    async for part in parts:
        if part.name in fields or (part.name == "file" and filename is not None):
            raise _wrong(part.name, "The part was sent more than once; send it once.")
        if part.name == "file":
            filename = part.filename or ""
            sha256, num_bytes = await _store(part, storage.new_file(key), space)
        elif part.name in allowed:
            fields[part.name] = await _read_text(part)
        else:
            raise _wrong(part.name, "There is no such field.", ("file", *allowed))
    if filename is None:
        raise _wrong("file", "The archive is missing; send it as the part `file`.")
    return Upload(key, filename, sha256, num_bytes, fields)


async def _store(
    part: Part, new_file: AbstractContextManager[BinaryIO], space: Space
) -> tuple[str, int]:
    digest = hashlib.sha256()
    num_bytes = 0
    waiting = bytearray()
    async with _in_thread(new_file) as file:

        def write(piece: bytes) -> None:
            space.require(len(piece))
            digest.update(piece)
            file.write(piece)

        async for chunk in part:
            waiting += chunk
            if len(waiting) < (_WRITE_BYTES if num_bytes else SNIFF_BYTES):
                continue
            if not num_bytes:
                sniff(bytes(waiting[:SNIFF_BYTES]))
            num_bytes += len(waiting)
            await run_sync(write, bytes(waiting))
            waiting.clear()
        if not num_bytes:
            sniff(bytes(waiting))
        num_bytes += len(waiting)
        await run_sync(write, bytes(waiting))
    return digest.hexdigest(), num_bytes


@asynccontextmanager
async def _in_thread(manager: AbstractContextManager[BinaryIO]) -> AsyncIterator[BinaryIO]:
    """Enter and exit a blocking context manager in a thread, also on cancellation."""
    file = await run_sync(manager.__enter__)
    try:
        yield file
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await run_sync(manager.__exit__, type(error), error, error.__traceback__)
        raise
    await run_sync(manager.__exit__, None, None, None)


async def _read_text(part: Part) -> str:
    try:
        return (await part.read(max_bytes=_MAX_FIELD_BYTES)).decode()
    except UnicodeDecodeError as error:
        raise _wrong(part.name, "The field is not UTF-8.") from error


def _wrong(name: str, message: str, allowed: tuple[str, ...] | None = None) -> ValidationFailed:
    return ValidationFailed(InputProblem(("body", name[:100]), f"{name[:100]}: {message}", allowed))
