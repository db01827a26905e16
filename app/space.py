"""Free disk space: a floor below which nothing new is accepted, and a reserve for the database.

Above the floor the service accepts and starts work. Below it, work that is running may go on, and
everything that frees space still works. SQLite needs space even for a row that says that a job
waits, so a reserve file beside the database is deleted when its disk is nearly full.
"""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.errors import StorageFull
from app.settings import Settings

MIB = 1024 * 1024

NEARLY_FULL_BYTES = 1 * MIB
"""Below this free space the reserve is deleted, because SQLite may be unable to write a row."""

_RESERVE_FRACTION = 16
"""The reserve is this part of the floor: 16 MiB by default, some thousands of small writes."""


@dataclass(frozen=True)
class Space:
    """The file systems that the service writes to, by their name in messages, and their floor."""

    folders: Mapping[str, Path]
    floor_bytes: int
    reserve: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the space of the storage, and of the database where it is a file."""
        folders = {"storage": settings.storage_dir}
        database = settings.sqlite_file
        if database is None:
            return cls(folders, settings.storage_floor_bytes)
        folders |= {"data folder": database.parent}
        return cls(folders, settings.storage_floor_bytes, reserve_of(database))

    def find_shortage(self, num_bytes: int = 0) -> str | None:
        """Say which file system would have less than the floor after num_bytes; None if none has.

        num_bytes are those that a request is about to store.
        """
        for name, folder in self.folders.items():
            free = find_free_bytes(folder)
            needed = num_bytes if name == "storage" else 0
            if free is None or free >= self.floor_bytes + needed:
                continue
            wanted = f", and {format_bytes(needed)} are to be stored" if needed else ""
            return (
                f"The {name} has {format_bytes(free)} of free space{wanted}; "
                f"{format_bytes(self.floor_bytes)} must stay free (GRAFT_STORAGE_FLOOR_BYTES)."
            )
        return None

    def require(self, num_bytes: int = 0) -> None:
        """Raise StorageFull if there is a shortage."""
        shortage = self.find_shortage(num_bytes)
        if shortage:
            raise StorageFull(
                f"{shortage} Delete datasets, jobs, model versions or exports that are no longer "
                "needed, or enlarge the disk."
            )

    def keep_reserve(self) -> None:
        """Write the reserve if it is missing; a full disk is no error, as the next call retries."""
        num_bytes = self.floor_bytes // _RESERVE_FRACTION
        if self.reserve is None or num_bytes == 0 or self.reserve.exists():
            return
        part = self.reserve.with_name(f"{self.reserve.name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("xb") as file:
                for start in range(0, num_bytes, MIB):  # random: some file systems compress
                    file.write(os.urandom(min(MIB, num_bytes - start)))
            part.replace(self.reserve)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def reserve_of(database: Path) -> Path:
    """Return the path of the reserve of a SQLite file."""
    return database.with_name(f"{database.name}-reserve")


def find_free_bytes(folder: Path) -> int | None:
    """Return the free space of the file system of a folder, which need not exist yet."""
    for existing in (folder, *folder.parents):
        try:
            status = os.statvfs(existing)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return status.f_bavail * status.f_frsize
    return None


def is_nearly_full(folder: Path) -> bool:
    """Return whether a folder's file system has next to no free space."""
    free = find_free_bytes(folder)
    return free is not None and free < NEARLY_FULL_BYTES


def format_bytes(num_bytes: int) -> str:
    """Return a number of bytes for people, such as `268 MB`."""
    amount = float(num_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - the next unit
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
