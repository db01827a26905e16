"""Detect an archive's format from its first bytes; the file name is ignored."""

import struct
from typing import Literal

from app.errors import ArchiveInvalid, ArchiveUnsupported

Format = Literal["zip", "tar", "gzip", "zstd"]

SNIFF_BYTES = 512
"""Number of first bytes that `sniff` needs; a shorter archive is passed whole."""

_ACCEPTED = "send a zip, tar, tar.gz or tar.zst"
_OTHER_FORMATS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"PK\x07\x08": "multi-part zip",
}
_ZIP_START = struct.Struct("<4s3H")
_ZIP_ENTRY = b"PK\x03\x04"
_ZIP_EMPTY = b"PK\x05\x06"
_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f (RFC 8878, section 3.1.2)

ZIP_ENCRYPTED = 0x1
ZIP_METHODS = {0: "stored", 8: "deflate"}


def sniff(first_bytes: bytes) -> Format:
    """Return the format of the archive that begins with these bytes (see SNIFF_BYTES).

    Raises ArchiveUnsupported for other archive formats, encrypted archives and unknown compression
    methods, and ArchiveInvalid for any other file.
    """
    for magic, name in _OTHER_FORMATS.items():
        if first_bytes.startswith(magic):
            raise ArchiveUnsupported(
                f"The file is a {name} archive, which is not supported; {_ACCEPTED}."
            )
    if first_bytes.startswith(_ZIP_ENTRY) and len(first_bytes) >= _ZIP_START.size:
        _, _, flags, method = _ZIP_START.unpack_from(first_bytes)
        check_zip_method(flags, method)
        return "zip"
    if first_bytes.startswith(_ZIP_EMPTY):
        return "zip"
    if first_bytes.startswith(b"\x1f\x8b"):
        return "gzip"
    if first_bytes.startswith(_ZSTD_FRAME) or first_bytes[1:4] == _ZSTD_SKIPPABLE:
        return "zstd"
    if is_tar_header(first_bytes):
        return "tar"
    raise ArchiveInvalid(f"The file is not an archive; {_ACCEPTED}.")


def check_zip_method(flags: int, method: int) -> None:
    """Raise ArchiveUnsupported unless a zip entry is stored or deflated, without encryption."""
    if flags & ZIP_ENCRYPTED:
        raise ArchiveUnsupported("The archive is encrypted; send it without a password.")
    if method not in ZIP_METHODS:
        known = " and ".join(ZIP_METHODS.values())
        raise ArchiveUnsupported(
            f"Zip compression method {method} is not supported; {known} are supported."
        )


def is_tar_header(block: bytes) -> bool:
    """Return whether 512 bytes are a tar header, by its checksum (POSIX.1-2017, pax)."""
    if len(block) < SNIFF_BYTES or not any(block):
        return False
    try:
        stored = int(block[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        return False
    summed = block[:148] + b" " * 8 + block[156:SNIFF_BYTES]
    return stored == sum(summed) or stored == sum(memoryview(summed).cast("b"))
