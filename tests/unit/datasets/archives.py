"""Write archives byte by byte, also with wrong headers."""

import struct
import zlib
from dataclasses import dataclass, field

ENCRYPTED = 1
UTF8 = 0x800
STORED, DEFLATED, BZIP2 = 0, 8, 12
REGULAR_FILE = 0o100644 << 16
SYMLINK = 0o120777 << 16
FIFO = 0o010644 << 16
DEVICE = 0o020644 << 16


@dataclass
class ZipEntry:
    """One zip entry; a field that is not None replaces the correct value in its headers."""

    name: bytes
    content: bytes = b"content"
    method: int = STORED
    flags: int = 0
    attributes: int = REGULAR_FILE
    crc: int | None = None
    num_bytes: int | None = None
    packed: bytes | None = None
    local_name: bytes | None = None
    offset: int | None = None

    def pack(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method == DEFLATED:
            deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
            return deflater.compress(self.content) + deflater.flush()
        return self.content


@dataclass
class ZipArchive:
    """A zip archive; num_entries and disk are written to its end record."""

    entries: list[ZipEntry] = field(default_factory=list)
    num_entries: int | None = None
    disk: int = 0

    def build(self) -> bytes:
        body, directory = b"", b""
        for entry in self.entries:
            packed = entry.pack()
            crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
            size = len(entry.content) if entry.num_bytes is None else entry.num_bytes
            common = struct.pack(
                "<HHHHIII", entry.flags, entry.method, 0, 0x21, crc, len(packed), size
            )
            offset = len(body) if entry.offset is None else entry.offset
            directory += b"PK\1\2" + struct.pack("<HH", 0x314, 20) + common
            directory += struct.pack(
                "<HHHHHII", len(entry.name), 0, 0, 0, 0, entry.attributes, offset
            )
            directory += entry.name
            if entry.offset is None:
                name = entry.name if entry.local_name is None else entry.local_name
                body += b"PK\3\4" + struct.pack("<H", 20) + common
                body += struct.pack("<HH", len(name), 0) + name + packed
        count = len(self.entries) if self.num_entries is None else self.num_entries
        return body + directory + self.end(count, len(directory), len(body))

    def end(self, count: int, directory_bytes: int, offset: int) -> bytes:
        return b"PK\5\6" + struct.pack(
            "<HHHHIIH", self.disk, self.disk, count, count, directory_bytes, offset, 0
        )


def zip_of(*entries: ZipEntry) -> bytes:
    return ZipArchive(list(entries)).build()


def tar_entry(
    name: bytes, content: bytes = b"content", *, kind: bytes = b"0", size: int | None = None
) -> bytes:
    """A ustar header and its content."""
    declared = len(content) if size is None else size
    header = bytearray(512)
    header[0 : len(name)] = name
    header[100:108] = b"0000644\0"
    header[124:136] = b"%011o\0" % declared
    header[156:157] = kind
    header[157:163] = b"target" if kind in (b"1", b"2") else bytes(6)
    header[257:265] = b"ustar\x0000"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512)


def tar_of(*entries: bytes) -> bytes:
    return b"".join(entries) + bytes(1024)


def pax_record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    length = len(text) + 1
    while len(str(length)) + len(text) != length:
        length += 1
    return str(length).encode() + text
