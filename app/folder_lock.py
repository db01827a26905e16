"""A lock on the data folder, so that only one service uses it at a time.

The kernel holds the lock for the process, so it ends with the process, however that ends. The file
stays; its text tells a second service about the first.
"""

import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from app.errors import InUse

LOCK_NAME = "lock"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """The process that uses a data folder; address is empty until its port is open."""

    pid: int
    host: str
    address: str
    since: str


class FolderLock:
    """A lock that this process holds."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._since = datetime.now(UTC).isoformat(timespec="seconds")

    def describe(self, address: str = "") -> None:
        """Write who holds the lock."""
        holder = Holder(os.getpid(), socket.gethostname(), address, self._since)
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(asdict(holder)) + "\n")
        self._file.flush()


@contextmanager
def locking(folder: Path) -> Iterator[FolderLock]:
    """Hold the lock of a data folder until the block ends; raises InUse, naming the holder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(_describe_holder(folder)) from error
        except OSError as error:  # some network file systems have no locks
            log.warning("cannot lock %s, so do not start a second service on it: %s", folder, error)
        lock = FolderLock(file)
        lock.describe()
        yield lock


def find_holder(folder: Path) -> Holder | None:
    """Return the process that holds the lock of a data folder; None if there is none."""
    try:
        with (folder / LOCK_NAME).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Holder(**json.loads(file.read()))
    except (OSError, ValueError, TypeError):
        return None
    return None


def _describe_holder(folder: Path) -> str:
    holder = find_holder(folder)
    if holder is None:
        who = "Another process"
    else:
        address = f" at {holder.address}" if holder.address else ""
        who = f"Process {holder.pid} on {holder.host}{address}, since {holder.since},"
    return (
        f"{who} uses the data folder {folder.absolute()}. Stop it first, or set GRAFT_DATA_DIR to "
        "another folder."
    )
