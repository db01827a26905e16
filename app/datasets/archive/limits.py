"""Limit the number of entries and the unpacked size of an archive."""

from dataclasses import dataclass

from app.errors import ArchiveTooLarge, ArchiveTooManyFiles

FREE_BYTES = 256 * 1024 * 1024
"""The compression ratio is not limited for archives that unpack to at most this size."""

MAX_RATIO = 250
"""Largest ratio of unpacked bytes to archive bytes, as a limit for archive bombs.

JPEG files have ratios near 1, bitmaps of one colour below 200.
"""

RECORDS_PER_FILE = 32
"""Records of extended headers allowed per entry, on average over the largest number of entries.

A tar of macOS with extended attributes has about twenty.
"""

NAME_BYTES_PER_FILE = 256
"""Bytes of names allowed per entry, on average over the largest number of entries."""

_MIN_FILES = 1000
"""Smallest number of entries that the averages are taken over."""


@dataclass(frozen=True)
class ArchiveLimits:
    """The limits for one archive: number of entries (folders included) and unpacked bytes."""

    max_files: int
    max_unpacked_bytes: int


class ArchiveUsage:
    """Counts the entries and bytes that were read from an archive, and enforces the limits.

    It counts the bytes that are unpacked; sizes in headers are not trusted.
    """

    def __init__(self, limits: ArchiveLimits, *, archive_bytes: int) -> None:
        self.max_files = limits.max_files
        self.max_bytes = min(limits.max_unpacked_bytes, max(FREE_BYTES, MAX_RATIO * archive_bytes))
        self.max_records = RECORDS_PER_FILE * max(limits.max_files, _MIN_FILES)
        self.max_name_bytes = NAME_BYTES_PER_FILE * max(limits.max_files, _MIN_FILES)
        self._num_files = 0
        self._num_bytes = 0
        self._num_records = 0
        self._name_bytes = 0

    def expect_files(self, num_files: int) -> None:
        """Raise ArchiveTooManyFiles if the archive declares more entries than allowed."""
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

    def add_records(self, num_records: int) -> None:
        """Count records of extended headers, which take time and no memory."""
        self._num_records += num_records
        if self._num_records > self.max_records:
            raise ArchiveTooLarge(
                f"The archive's extended headers have more than the {self.max_records} records "
                "allowed."
            )

    def add_name(self, num_bytes: int) -> None:
        """Count the bytes of an entry's name; names stay in memory until the archive is read."""
        self._name_bytes += num_bytes
        if self._name_bytes > self.max_name_bytes:
            raise ArchiveTooLarge(
                f"The names of the archive's entries have more than the {self.max_name_bytes} "
                "bytes allowed."
            )
