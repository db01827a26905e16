"""Read tar archives (v7, ustar, GNU long names, pax) as one forward stream.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual,
"Basic Tar Format". Only folders and regular files are accepted. Every byte of the unpacked stream,
headers and padding included, counts towards the archive's limits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from app.datasets.archive.formats import is_tar_header
from app.datasets.archive.limits import ArchiveUsage
from app.datasets.archive.member import CHUNK_BYTES, Member
from app.errors import ArchiveInvalid, ArchiveUnsafeEntry

_BLOCK = 512
_MAX_EXTENSION_BYTES = 1024 * 1024
_MAX_SIZE_DIGITS = 19
_REGULAR = (b"0", b"\0", b"7")
_FOLDER = b"5"
_GNU_LONG_NAME, _GNU_LONG_LINK = b"L", b"K"
_PAX_NEXT, _PAX_ALL = b"x", b"g"
_SPECIAL = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


class ByteStream(Protocol):
    """A stream that is read from start to end."""

    def read(self, size: int, /) -> bytes: ...


class _Blocks:
    """The unpacked stream, whose bytes are counted as they are read."""

    def __init__(self, stream: ByteStream, usage: ArchiveUsage) -> None:
        self._stream = stream
        self._account = usage

    def read(self, num_bytes: int) -> bytes:
        piece = self._stream.read(num_bytes)
        self._account.add_bytes(len(piece))
        return piece

    def pieces(self, num_bytes: int) -> Iterator[bytes]:
        """Yield exactly `num_bytes` bytes, and skip the padding after them."""
        left = num_bytes
        while left:
            piece = self.read(min(left, CHUNK_BYTES))
            if not piece:
                raise ArchiveInvalid("The tar ends in the middle of a file.")
            left -= len(piece)
            yield piece
        padding = -num_bytes % _BLOCK
        while padding:
            padding -= len(self.read(padding)) or padding


@dataclass
class _Extended:
    """What this reader needs of extended headers; other records are checked and forgotten."""

    path: str | None = None
    size: int | None = None
    is_sparse: bool = False

    def over(self, other: "_Extended") -> "_Extended":
        """Return these values, and the other's where there is none."""
        return _Extended(
            self.path or other.path,
            other.size if self.size is None else self.size,
            self.is_sparse or other.is_sparse,
        )


def read_tar(stream: ByteStream, usage: ArchiveUsage) -> Iterator[Member]:
    """Yield the members of a tar in order; read each content to its end before the next member.

    Raises ArchiveInvalid, ArchiveUnsafeEntry, ArchiveTooLarge or ArchiveTooManyFiles.
    """
    blocks = _Blocks(stream, usage)
    pax_all, pax = _Extended(), _Extended()
    long_name: str | None = None
    while any(header := _read_header(blocks)):
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_PAX_NEXT, _PAX_ALL):
            records = _parse_pax(_read_extension(blocks, size), usage)
            if kind == _PAX_ALL:
                pax_all = records.over(pax_all)
            else:
                pax = records
            continue
        if kind in (_GNU_LONG_NAME, _GNU_LONG_LINK):
            usage.add_records(1)
            extension = _decode(_read_extension(blocks, size).rstrip(b"\0"))
            long_name = extension if kind == _GNU_LONG_NAME else long_name
            continue
        usage.add_file()
        extended = pax.over(pax_all)
        name = extended.path or long_name or _header_name(header)
        usage.add_name(len(name.encode()))
        is_folder = kind == _FOLDER or (kind in _REGULAR and name.endswith("/"))
        if not is_folder:
            _check_regular(kind, name, is_sparse=extended.is_sparse)
        if extended.size is not None:
            size = extended.size
        yield Member(name, is_folder, blocks.pieces(0 if kind == _FOLDER else size))
        pax, long_name = _Extended(), None
    while blocks.read(CHUNK_BYTES):
        pass  # zero blocks; a compressed stream checks itself when it is read to its end


def _read_header(blocks: _Blocks) -> bytes:
    header = b"".join(blocks.pieces(_BLOCK))
    if any(header) and not is_tar_header(header):
        raise ArchiveInvalid("The tar is damaged: a header does not match its checksum.")
    return header


def _check_regular(kind: bytes, name: str, *, is_sparse: bool) -> None:
    what = None if kind in _REGULAR else _SPECIAL.get(kind, "neither a file nor a folder")
    if is_sparse:
        what = _SPECIAL[b"S"]
    if what is not None:
        raise ArchiveUnsafeEntry(f"The entry {name[:100]!r} is {what}.")


def _header_name(header: bytes) -> str:
    name, prefix = _text(header[:100]), b""
    if header[257:263] == b"ustar\0":
        prefix = _text(header[345:500])
    return _decode(prefix + b"/" + name if prefix else name)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _number(field: bytes) -> int:
    """Read a size in octal digits, or in base 256 if the first bit is set (a GNU extension)."""
    if field[0] & 0x80:
        number = int.from_bytes(field, "big", signed=False) & ((1 << 8 * len(field) - 1) - 1)
        if field[0] & 0x40:
            raise ArchiveInvalid("A tar entry has a negative size.")
        return number
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise ArchiveInvalid("A tar entry's size is not a number.") from error


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _MAX_SIZE_DIGITS:
        raise ArchiveInvalid("A tar entry's size is not a number.")
    return int(digits)


def _read_extension(blocks: _Blocks, size: int) -> bytes:
    if size > _MAX_EXTENSION_BYTES:
        raise ArchiveInvalid("A tar entry's extended header is longer than 1 MiB.")
    return b"".join(blocks.pieces(size))


def _parse_pax(records: bytes, usage: ArchiveUsage) -> _Extended:
    """Parse records of the form `length key=value newline`; length is that of the whole record."""
    extended = _Extended()
    start = num_records = 0
    while start < len(records):
        space = records.find(b" ", start, start + 8)
        digits = records[start:space]
        end = start + int(digits) if space > start and digits.isdigit() else 0
        equals = records.find(b"=", space + 1, end - 1)
        if equals < 0 or records[end - 1 : end] != b"\n":
            raise ArchiveInvalid("A tar entry's extended header is damaged.")
        num_records += 1
        key = records[space + 1 : equals]
        if key == b"path":
            extended.path = _decode(records[equals + 1 : end - 1])
        elif key == b"size":
            extended.size = _decimal(records[equals + 1 : end - 1])
        elif key.startswith(b"GNU.sparse."):
            extended.is_sparse = True
        start = end
    usage.add_records(num_records)
    return extended
