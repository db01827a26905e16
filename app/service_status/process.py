"""What a process of the API knows about itself: its start, and the size of the storage."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_ENTRIES_BETWEEN_CHECKS = 200


@dataclass(frozen=True)
class Usage:
    """The bytes of a folder's files (None if unknown), and of its file system."""

    used_bytes: int | None
    free_bytes: int
    total_bytes: int


class StorageMeter:
    """Measures a folder in bounded time, at most once a minute."""

    def __init__(
        self,
        root: Path,
        *,
        budget_seconds: float = 1.0,
        keep_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._budget_seconds = budget_seconds
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._measured: tuple[float, int | None] | None = None

    def measure(self) -> Usage | None:
        """Return the usage; None if the folder cannot be read."""
        try:
            disk = shutil.disk_usage(self._root)
        except OSError:
            return None
        with self._lock:
            moment = self._clock()
            if self._measured is None or moment - self._measured[0] > self._keep_seconds:
                self._measured = (moment, self._sum_sizes())
            return Usage(self._measured[1], disk.free, disk.total)

    def _sum_sizes(self) -> int | None:
        """Return the size of all files; None if that takes longer than the budget."""
        deadline = self._clock() + self._budget_seconds
        num_bytes = num_entries = 0
        folders = [str(self._root)]
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        num_entries += 1
                        is_time = num_entries % _ENTRIES_BETWEEN_CHECKS == 0
                        if is_time and self._clock() > deadline:
                            return None
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            num_bytes += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # a file or folder that was deleted in the meantime
        return num_bytes


@dataclass(frozen=True)
class ApiProcess:
    """This process of the API."""

    started_at: datetime
    storage: StorageMeter
