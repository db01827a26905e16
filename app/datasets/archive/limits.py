"""What an archive may cost, and the running usage of what it has cost so far."""

from dataclasses import dataclass

from app.errors import ArchiveTooLarge, ArchiveTooManyFiles

FREE_BYTES = 256 * 1024 * 1024
"""An archive that unpacks to no more than this is never called a bomb."""

MAX_RATIO = 250
"""Unpacked bytes for each byte of the archive; photographs stay near 1, flat bitmaps below 200."""


@dataclass(frozen=True)
class ArchiveLimits:
    """Caps of one archive: its entries (folders included) and its unpacked bytes."""

    max_files: int
    max_unpacked_bytes: int


class ArchiveUsage:
    """Counts what really comes out of an archive, whatever its headers claim."""

    def __init__(self, limits: ArchiveLimits, *, archive_bytes: int) -> None:
        self.max_files = limits.max_files
        self.max_bytes = min(limits.max_unpacked_bytes, max(FREE_BYTES, MAX_RATIO * archive_bytes))
        self._num_files = 0
        self._num_bytes = 0

    def expect_files(self, num_files: int) -> None:
        """Refuse a number of entries that the archive itself announces."""
        if num_files > self.max_files:
            raise ArchiveTooManyFiles(
                f"The archive has more than the {self.max_files} entries allowed."
            )

    def add_file(self) -> None:
        self._num_files += 1
        self.expect_files(self._num_files)

    def add_bytes(self, num_bytes: int) -> None:
        self._num_bytes += num_bytes
        if self._num_bytes > self.max_bytes:
            raise ArchiveTooLarge(
                f"The archive unpacks to more than the {self.max_bytes} bytes allowed."
            )
