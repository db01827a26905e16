"""Unpack gzip and zstandard streams in bounded memory, noticing when they end early."""

import gzip
import zlib
from typing import BinaryIO

import zstandard

from app.errors import ArchiveInvalid

MAX_WINDOW_BYTES = 128 * 1024 * 1024
"""The largest accepted zstandard window, equal to that of `zstd --long=27`."""

_ZSTD_FEED_BYTES = 1024
"""Compressed bytes given to zstandard per call.

The library does not limit its output, but 1 KiB of input unpacks to at most 32 MiB (128 KiB blocks
of four bytes each; RFC 8878, section 3.1.1.2).
"""


class GzipStream:
    """The content of a gzip file of one or several members (RFC 1952)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = gzip.GzipFile(fileobj=file)

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ArchiveInvalid("The gzip stream is cut off or damaged.") from error


class ZstdStream:
    """The content of a zstandard file of one or several frames (RFC 8878)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._unpacked = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        while not self._unpacked and self._fill():
            pass
        piece, self._unpacked = self._unpacked[:size], self._unpacked[size:]
        return bytes(piece)

    def _fill(self) -> bool:
        """Unpack the next input; returns False after the last frame."""
        packed = self._packed or self._file.read(_ZSTD_FEED_BYTES)
        if not packed:
            if self._frame is not None:
                raise ArchiveInvalid("The zstandard stream is cut off.")
            return False
        frame = self._frame or self._decompressor.decompressobj()
        try:
            self._unpacked = memoryview(frame.decompress(packed))
        except zstandard.ZstdError as error:
            raise ArchiveInvalid(
                "The zstandard stream is damaged, or needs a window of more than 128 MiB."
            ) from error
        self._frame = None if frame.eof else frame
        self._packed = frame.unused_data if frame.eof else b""
        return True
