"""Count requests over all processes of a machine, in a file that they map into memory.

A storage for the library `limits`. One count takes microseconds and no system call but the lock's.
"""

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from limits.aio.storage import Storage

_SLOT = struct.Struct("=16sdq")
_NUM_SLOTS = 4096
_NUM_PROBES = 16
_LOCK_TRIES = 200


class CounterFile(Storage):
    """Counters that expire; of colliding ones the counter that expires first is replaced.

    For one thread of each process. A process that was frozen while it held the lock, for less than
    a microsecond in each count, does not stop the others: they count without it.
    """

    STORAGE_SCHEME = ["graft-counter-file"]  # noqa: RUF012 - the library's signature

    def __init__(self, uri: str | None = None, *, path: Path, **options: Any) -> None:
        super().__init__(uri, **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = _SLOT.size * _NUM_SLOTS
        if os.fstat(self._file).st_size < size:
            os.ftruncate(self._file, size)
        self._slots = mmap.mmap(self._file, size)

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return OSError

    def close(self) -> None:
        self._slots.close()
        os.close(self._file)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a counter, which starts anew `expiry` seconds after its first count."""
        moment = time.time()
        with self._locked():
            position, count, expires_at = self._find(key, moment)
            if count == 0 or expires_at > moment + expiry:  # the clock may have been set back
                count, expires_at = 0, moment + expiry
            count += amount
            _SLOT.pack_into(self._slots, position, _digest(key), expires_at, count)
        return count

    async def get(self, key: str) -> int:
        return self._find(key, time.time())[1]

    async def get_expiry(self, key: str) -> float:
        moment = time.time()
        _, count, expires_at = self._find(key, moment)
        return expires_at if count else moment

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        self._slots[:] = bytes(len(self._slots))
        return None

    async def clear(self, key: str) -> None:
        position, _, _ = self._find(key, time.time())
        _SLOT.pack_into(self._slots, position, bytes(16), 0.0, 0)

    def _find(self, key: str, moment: float) -> tuple[int, int, float]:
        """Return the position, count and expiry of a counter; the count of an expired one is 0."""
        digest = _digest(key)
        first = int.from_bytes(digest[:4], "little")
        free: tuple[float, int] | None = None
        for probe in range(_NUM_PROBES):
            position = (first + probe) % _NUM_SLOTS * _SLOT.size
            found, expires_at, count = _SLOT.unpack_from(self._slots, position)
            if found == digest:
                return position, count if expires_at > moment else 0, expires_at
            free = min(free or (expires_at, position), (expires_at, position))
        assert free is not None  # noqa: S101 - there is at least one probe
        return free[1], 0, 0.0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        is_locked = any(self._try_to_lock() for _ in range(_LOCK_TRIES))
        try:
            yield
        finally:
            if is_locked:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _try_to_lock(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()
