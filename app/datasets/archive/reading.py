"""Read an uploaded archive of any accepted format without writing files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.datasets.archive.compression import GzipStream, ZstdStream
from app.datasets.archive.formats import SNIFF_BYTES, sniff
from app.datasets.archive.limits import ArchiveLimits, ArchiveUsage
from app.datasets.archive.member import Member
from app.datasets.archive.names import safe_path
from app.datasets.archive.tar import read_tar
from app.datasets.archive.zip import read_zip
from app.errors import ArchiveDuplicate


@dataclass(frozen=True)
class ArchiveEntry:
    """One folder or regular file of an archive.

    path is relative and safe (see `names`). content yields the bytes once, in pieces of at most
    64 KiB, and may be left unread. position is the number of archive bytes read before the entry.
    """

    path: str
    is_folder: bool
    content: Iterator[bytes]
    position: int

    def read(self, *, max_bytes: int) -> bytes | None:
        """Return the whole content; None if it has more than max_bytes."""
        whole = bytearray()
        for piece in self.content:
            whole += piece
            if len(whole) > max_bytes:
                return None
        return bytes(whole)


def read_archive(path: Path, limits: ArchiveLimits) -> Iterator[ArchiveEntry]:
    """Yield the entries of a zip, tar, tar.gz or tar.zst; the content decides the format.

    Content that the caller leaves unread is read anyway, so that every byte of the archive is
    checked. Only one piece of one entry is in memory at a time. Raises a subclass of ArchiveError,
    possibly after some entries have been yielded.
    """
    with path.open("rb") as file:
        usage = ArchiveUsage(limits, archive_bytes=path.stat().st_size)
        seen: set[str] = set()
        position = 0
        for member in _read_members(file, usage):
            entry_path = safe_path(member.name)
            if not member.is_folder:
                if not entry_path or entry_path in seen:
                    raise ArchiveDuplicate(f"The archive has two entries {entry_path[:100]!r}.")
                seen.add(entry_path)
            yield ArchiveEntry(entry_path, member.is_folder, member.content, position)
            for _ in member.content:
                pass
            position = file.tell()


def _read_members(file: BinaryIO, usage: ArchiveUsage) -> Iterator[Member]:
    kind = sniff(file.read(SNIFF_BYTES))
    file.seek(0)
    if kind == "zip":
        return read_zip(file, usage)
    if kind == "gzip":
        return read_tar(GzipStream(file), usage)
    if kind == "zstd":
        return read_tar(ZstdStream(file), usage)
    return read_tar(file, usage)
