"""The two forms of a backup, a folder and a tar file, and their contents by name.

A backup has `manifest.json`, `rows.jsonl.gz`, `SHA256SUMS` and the stored files below `files/`. It
appears under its name when it is complete.
"""

import hashlib
import io
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from app.backup.errors import BackupInvalid
from app.errors import Conflict, InputProblem, ValidationFailed

MANIFEST, ROWS, SUMS, FILES = "manifest.json", "rows.jsonl.gz", "SHA256SUMS", "files/"

_PART = ".part"
_READ_BYTES = 1024 * 1024
_OTHER_ARCHIVES = {".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip"}


class Writer(Protocol):
    """Writes the entries of a backup."""

    def add(self, name: str, source: BinaryIO, num_bytes: int) -> str:
        """Copy a file of this length under a name; return its sha256."""

    def remove(self, name: str) -> None:
        """Remove an entry, where that is possible; an unlisted entry does no harm."""


class Reader(Protocol):
    """Reads the entries of a backup."""

    def open(self, name: str) -> BinaryIO:
        """Open an entry; raises BackupInvalid if it does not exist."""


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """Write a backup: a tar file if the target's name ends in `.tar`, else a folder.

    Raises Conflict if the target exists. After an error nothing is left.
    """
    if target.suffix.lower() in _OTHER_ARCHIVES:
        raise ValidationFailed(
            InputProblem(("target",), f"{target} must end in .tar, or be the name of a folder.")
        )
    if target.exists():
        raise Conflict(f"{target} exists already; give another name, or move it away.")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + _PART)
    _delete(part)
    try:
        if target.suffix == ".tar":
            with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
                yield _TarWriter(tar)
        else:
            part.mkdir()
            yield _FolderWriter(part)
        os.sync()
        part.rename(target)
    except BaseException:
        _delete(part)
        raise


@contextmanager
def reading(source: Path) -> Iterator[Reader]:
    """Read a backup; raises BackupInvalid if there is none."""
    if source.is_dir():
        yield _FolderReader(source)
        return
    try:
        tar = tarfile.open(source)  # noqa: SIM115 - closed below, where its own errors are not caught
    except FileNotFoundError as error:
        raise BackupInvalid(f"There is no backup {source}.") from error
    except (tarfile.TarError, OSError) as error:
        raise BackupInvalid(f"{source} is neither a folder nor a tar file: {error}.") from error
    with tar:
        yield _TarReader(tar)


def hash_file(file: BinaryIO) -> str:
    """Return the sha256 of the rest of a file."""
    digest = hashlib.sha256()
    while content := file.read(_READ_BYTES):
        digest.update(content)
    return digest.hexdigest()


class HashingReader(io.RawIOBase):
    """Reads the first bytes of another file, and computes the sha256 of what was read."""

    def __init__(self, source: BinaryIO, num_bytes: int | None = None) -> None:
        super().__init__()
        self._source = source
        self._left = num_bytes
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        if self._left is not None:
            size = min(size, self._left) if size >= 0 else self._left
        content = self._source.read(size)
        if self._left is not None:
            self._left -= len(content)
        self._digest.update(content)
        return content


class _FolderWriter:
    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, name: str, source: BinaryIO, num_bytes: int) -> str:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        hashing = HashingReader(source, num_bytes)
        with path.open("xb") as file:
            shutil.copyfileobj(cast("BinaryIO", hashing), file, _READ_BYTES)
        return hashing.sha256

    def remove(self, name: str) -> None:
        (self._root / name).unlink()


class _TarWriter:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, source: BinaryIO, num_bytes: int) -> str:
        info = tarfile.TarInfo(name)
        info.size = num_bytes
        info.mtime = int(time.time())
        hashing = HashingReader(source)
        self._tar.addfile(info, cast("BinaryIO", hashing))
        return hashing.sha256

    def remove(self, name: str) -> None:
        pass


class _FolderReader:
    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._root / name).open("rb")
        except FileNotFoundError as error:
            raise BackupInvalid(f"The backup has no {name}.") from error


class _TarReader:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        try:
            self._members = {member.name: member for member in tar if member.isfile()}
        except (tarfile.TarError, OSError) as error:
            raise BackupInvalid(f"The tar file is damaged: {error}.") from error

    def open(self, name: str) -> BinaryIO:
        member = self._members.get(name)
        file = self._tar.extractfile(member) if member else None
        if file is None:
            raise BackupInvalid(f"The backup has no {name}.")
        return cast("BinaryIO", file)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
