"""Read zip archives entry by entry without trusting the sizes in their headers.

Source: PKWARE, APPNOTE.TXT 6.3.10. The central directory lists the entries. Local headers must
agree with it, entries must not overlap, and bytes are counted while content is inflated.
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.datasets.archive.formats import check_zip_method
from app.datasets.archive.limits import ArchiveUsage
from app.datasets.archive.member import CHUNK_BYTES, Member
from app.datasets.archive.names import MAX_PATH_CHARACTERS
from app.errors import (
    ArchiveInvalid,
    ArchiveTooLarge,
    ArchiveUnsafeEntry,
    ArchiveUnsafePath,
    ArchiveUnsupported,
)

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<2H")
_MAX_COMMENT_BYTES = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_ZIP64_EXTRA = 1
_PATCH_OR_HIDDEN = 0x20 | 0x2000
_MAX_NAME_BYTES = 4 * MAX_PATH_CHARACTERS


@dataclass(frozen=True, slots=True)
class _ZipEntry:
    raw_name: bytes
    method: int
    crc: int
    packed_bytes: int
    num_bytes: int
    offset: int
    attributes: int

    @property
    def name(self) -> str:
        try:
            return self.raw_name.decode()
        except UnicodeDecodeError:
            return self.raw_name.decode("cp437")

    @property
    def is_folder(self) -> bool:
        return self.raw_name.endswith(b"/") or stat.S_ISDIR(self.attributes >> 16)


@dataclass(frozen=True)
class _Directory:
    offset: int
    num_bytes: int
    num_entries: int


def read_zip(file: BinaryIO, usage: ArchiveUsage) -> Iterator[Member]:
    """Yield the members of a zip in the order of their bytes.

    Raises ArchiveInvalid, ArchiveUnsupported, ArchiveUnsafeEntry, ArchiveTooLarge (overlapping
    entries, more bytes than declared) or ArchiveTooManyFiles (by the declared count before the
    directory is read, and by the real count).
    """
    directory = _find_directory(file)
    usage.expect_files(directory.num_entries)
    entries = sorted(_read_directory(file, directory, usage), key=lambda entry: entry.offset)
    ends = [*(entry.offset for entry in entries), directory.offset][1:]
    for entry, end in zip(entries, ends, strict=True):
        _check_room(entry, entry.offset + _LOCAL.size + len(entry.raw_name), end)
    for entry, end in zip(entries, ends, strict=True):
        yield Member(entry.name, entry.is_folder, _unpack(file, entry, end, usage))


def _find_directory(file: BinaryIO) -> _Directory:
    size = file.seek(0, 2)
    tail_start = max(0, size - _END.size - _MAX_COMMENT_BYTES)
    file.seek(tail_start)
    tail = file.read(_END.size + _MAX_COMMENT_BYTES)
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if len(tail) - at >= _END.size:
            _, disk, first_disk, _, num_entries, num_bytes, offset, comment = _END.unpack_from(
                tail, at
            )
            if at + _END.size + comment == len(tail):
                break
        at = tail.rfind(b"PK\5\6", 0, at)
    else:
        raise ArchiveInvalid("The zip has no directory at its end: it is cut off or damaged.")
    end = tail_start + at
    zip64 = _find_zip64(file, end)
    if zip64 is not None:
        end, disk, first_disk, num_entries, num_bytes, offset = zip64
    if disk or first_disk:
        raise ArchiveUnsupported(
            "The zip is split into several parts, which is not supported; send a single file."
        )
    if offset + num_bytes > end:
        raise ArchiveInvalid("The zip's directory is not at the offset that its end record gives.")
    return _Directory(offset, num_bytes, num_entries)


def _find_zip64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int] | None:
    if end < _END64_LOCATOR.size:
        return None
    file.seek(end - _END64_LOCATOR.size)
    magic, _, offset, _ = _END64_LOCATOR.unpack(file.read(_END64_LOCATOR.size))
    if magic != b"PK\6\7":
        return None
    if offset + _END64.size > end - _END64_LOCATOR.size:
        raise ArchiveInvalid("The zip's directory is not at the offset that its end record gives.")
    file.seek(offset)
    magic, _, _, _, disk, first_disk, _, num_entries, num_bytes, start = _END64.unpack(
        file.read(_END64.size)
    )
    if magic != b"PK\6\6":
        raise ArchiveInvalid("The zip's directory is not at the offset that its end record gives.")
    return offset, disk, first_disk, num_entries, num_bytes, start


def _read_directory(
    file: BinaryIO, directory: _Directory, usage: ArchiveUsage
) -> Iterator[_ZipEntry]:
    file.seek(directory.offset)
    left = directory.num_bytes
    num_entries = 0
    while left >= _CENTRAL.size:
        fixed = file.read(_CENTRAL.size)
        fields = _CENTRAL.unpack(fixed)
        if fields[0] != b"PK\1\2":
            break
        name_bytes, extra_bytes, comment_bytes = fields[10:13]
        rest = file.read(name_bytes + extra_bytes + comment_bytes)
        left -= len(fixed) + len(rest)
        usage.add_file()
        usage.add_name(name_bytes)
        num_entries += 1
        yield _parse_entry(fields, rest[:name_bytes], rest[name_bytes:][:extra_bytes])
    if left or num_entries != directory.num_entries:
        raise ArchiveInvalid("The zip's directory is damaged or its number of entries is wrong.")


def _parse_entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> _ZipEntry:
    flags, method = fields[3:5]
    crc, packed_bytes, num_bytes = fields[7:10]
    attributes, offset = fields[15:17]
    if _IN_ZIP64 in (packed_bytes, num_bytes, offset):
        wide = _zip64_values(extra)
        num_bytes, packed_bytes, offset = (
            next(wide) if value == _IN_ZIP64 else value
            for value in (num_bytes, packed_bytes, offset)
        )
    if len(raw_name) > _MAX_NAME_BYTES:
        raise ArchiveUnsafePath(f"An entry name is longer than {_MAX_NAME_BYTES} bytes.")
    if flags & _PATCH_OR_HIDDEN:
        raise ArchiveUnsupported("The archive is encrypted or a patch; send plain files.")
    check_zip_method(flags, method)
    kind = stat.S_IFMT(attributes >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveUnsafeEntry(f"{raw_name[:100]!r} is a link or a device, not a file.")
    return _ZipEntry(raw_name, method, crc, packed_bytes, num_bytes, offset, attributes)


def _zip64_values(extra: bytes) -> Iterator[int]:
    start = 0
    while start + _EXTRA.size <= len(extra):
        tag, size = _EXTRA.unpack_from(extra, start)
        start += _EXTRA.size + size
        if tag == _ZIP64_EXTRA:
            field = extra[start - size : start]
            for (value,) in struct.iter_unpack("<Q", field[: size // 8 * 8]):
                yield value
            break
    raise ArchiveInvalid("A zip entry's 64-bit sizes are missing.")


def _check_room(entry: _ZipEntry, start: int, end: int) -> None:
    if start + entry.packed_bytes > end:
        raise ArchiveTooLarge(f"The entry {entry.name[:100]!r} overlaps another one.")


def _unpack(file: BinaryIO, entry: _ZipEntry, end: int, usage: ArchiveUsage) -> Iterator[bytes]:
    file.seek(entry.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
        raise _damaged(entry)
    name_bytes, extra_bytes = _LOCAL.unpack(header)[9:11]
    if file.read(name_bytes) != entry.raw_name:
        raise _damaged(entry)
    start = file.seek(extra_bytes, 1)
    _check_room(entry, start, end)
    pieces = _read_packed(file, entry)
    if entry.method:
        pieces = _inflate(pieces, entry)
    crc = num_bytes = 0
    for piece in pieces:
        usage.add_bytes(len(piece))
        num_bytes += len(piece)
        if num_bytes > entry.num_bytes:
            raise ArchiveTooLarge(
                f"The entry {entry.name[:100]!r} has more bytes than it declares."
            )
        crc = zlib.crc32(piece, crc)
        yield piece
    if num_bytes != entry.num_bytes or crc != entry.crc:
        raise _damaged(entry)


def _read_packed(file: BinaryIO, entry: _ZipEntry) -> Iterator[bytes]:
    left = entry.packed_bytes
    while left:
        piece = file.read(min(left, CHUNK_BYTES))
        if not piece:
            raise _damaged(entry)
        left -= len(piece)
        yield piece


def _inflate(packed: Iterator[bytes], entry: _ZipEntry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pending = b""
    while not inflater.eof:
        pending = pending or next(packed, b"")
        try:
            piece = inflater.decompress(pending, CHUNK_BYTES)
        except zlib.error as error:
            raise _damaged(entry) from error
        if not piece and not pending:
            raise _damaged(entry)
        pending = inflater.unconsumed_tail
        if piece:
            yield piece
    if inflater.unused_data or next(packed, b""):
        raise _damaged(entry)


def _damaged(entry: _ZipEntry) -> ArchiveInvalid:
    return ArchiveInvalid(f"The entry {entry.name[:100]!r} is cut off or damaged.")
