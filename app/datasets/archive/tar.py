"""Read tar archives (v7, ustar, GNU long names, pax) as one forward stream.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual,
"Basic Tar Format". Only folders and regular files are accepted. Every byte of the unpacked stream,
headers and padding included, counts towards the archive's limits.
"""

from collections.abc import Iterator
from typing import Protocol

from app.datasets.archive.formats import is_tar_header
from app.datasets.archive.limits import ArchiveUsage
from app.datasets.archive.member import CHUNK_BYTES, Member
from app.errors import ArchiveInvalid, ArchiveUnsafeEntry

_BLOCK = 512
_MAX_EXTENSION_BYTES = 1024 * 1024
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


def read_tar(stream: ByteStream, usage: ArchiveUsage) -> Iterator[Member]:
    """Yield the members of a tar in order; read each content to its end before the next member.

    Raises ArchiveInvalid, ArchiveUnsafeEntry, ArchiveTooLarge or ArchiveTooManyFiles.
    """
    blocks = _Blocks(stream, usage)
    pax_all: dict[str, str] = {}
    pax: dict[str, str] = {}
    long_name: str | None = None
    while any(header := _read_header(blocks)):
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_PAX_NEXT, _PAX_ALL):
            records = _parse_pax(_read_extension(blocks, size))
            if kind == _PAX_ALL:
                pax_all |= records
            else:
                pax = records
            continue
        if kind in (_GNU_LONG_NAME, _GNU_LONG_LINK):
            extension = _decode(_read_extension(blocks, size).rstrip(b"\0"))
            long_name = extension if kind == _GNU_LONG_NAME else long_name
            continue
        usage.add_file()
        extended = pax_all | pax
        name = extended.get("path") or long_name or _header_name(header)
        is_folder = kind == _FOLDER or (kind in _REGULAR and name.endswith("/"))
        if not is_folder:
            _check_regular(kind, name, extended)
        if "size" in extended:
            size = _decimal(extended["size"])
        yield Member(name, is_folder, blocks.pieces(0 if kind == _FOLDER else size))
        pax, long_name = {}, None
    while blocks.read(CHUNK_BYTES):
        pass  # zero blocks; a compressed stream checks itself when it is read to its end


def _read_header(blocks: _Blocks) -> bytes:
    header = b"".join(blocks.pieces(_BLOCK))
    if any(header) and not is_tar_header(header):
        raise ArchiveInvalid("The tar is damaged: a header does not match its checksum.")
    return header


def _check_regular(kind: bytes, name: str, extended: dict[str, str]) -> None:
    what = None if kind in _REGULAR else _SPECIAL.get(kind, "neither a file nor a folder")
    if any(key.startswith("GNU.sparse.") for key in extended):
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


def _decimal(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ArchiveInvalid("A tar entry's size is not a number.")
    return int(text)


def _read_extension(blocks: _Blocks, size: int) -> bytes:
    if size > _MAX_EXTENSION_BYTES:
        raise ArchiveInvalid("A tar entry's extended header is longer than 1 MiB.")
    return b"".join(blocks.pieces(size))


def _parse_pax(records: bytes) -> dict[str, str]:
    """Parse records of the form `length key=value newline`; length is that of the whole record."""
    values: dict[str, str] = {}
    while records:
        digits, _, _ = records.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004 - 1 MiB
        key, equals, value = records[len(digits) + 1 : length - 1].partition(b"=")
        if not equals or records[length - 1 : length] != b"\n":
            raise ArchiveInvalid("A tar entry's extended header is damaged.")
        values[_decode(key)] = _decode(value)
        records = records[length:]
    return values
