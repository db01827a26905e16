"""Limit the bytes of request bodies that are in memory at a time."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import Overloaded
from app.telemetry.metrics import PREDICT_SHED

PATIENCE_SECONDS = 5.0
"""A body that has been arriving for longer may lose its memory to others."""


class Reservation:
    """The memory of one body of an owner; on_evict ends the request that it belongs to."""

    def __init__(
        self, memory: "BodyMemory", owner: str | None, on_evict: Callable[[], None] | None
    ) -> None:
        self.num_bytes = 0
        self.owner = owner
        self.started_at = time.monotonic()
        self.is_evicted = False
        self.on_evict = on_evict
        self._memory = memory

    def add(self, num_bytes: int) -> None:
        """Reserve more; raises Overloaded where that does not fit beside the other bodies."""
        if self.is_evicted:
            raise Overloaded("Other requests needed the memory of this body; send it again.")
        self._memory.make_room(num_bytes, owner=self.owner, beside=self)
        self.num_bytes += num_bytes
        self._memory.num_bytes += num_bytes
        self._memory.bytes_by_owner[self.owner] += num_bytes

    def complete(self) -> None:
        """Keep the memory until the end: the whole body has arrived."""
        self.on_evict = None


class BodyMemory:
    """Count the bytes of all bodies in memory; for one thread, the event loop's.

    A body takes what has arrived of it. When memory runs out, the request is ended whose incomplete
    body has taken most memory for the longest time, if that is over PATIENCE_SECONDS: a slow body
    costs its own sender. The bodies of one owner, an API key, may take half.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self.bytes_by_owner = Counter[str | None]()
        self._reservations: set[Reservation] = set()

    @contextmanager
    def reserve(
        self,
        num_bytes: int = 0,
        *,
        owner: str | None = None,
        on_evict: Callable[[], None] | None = None,
    ) -> Iterator[Reservation]:
        """Reserve memory for one body while the block runs; it may grow.

        on_evict makes it evictable until it is complete. A body above the limit is accepted while
        there is no other. Raises Overloaded for a body that does not fit beside the others.
        """
        reservation = Reservation(self, owner, on_evict)
        self._reservations.add(reservation)
        try:
            reservation.add(num_bytes)
            yield reservation
        finally:
            if not reservation.is_evicted:
                self._release(reservation)

    def make_room(
        self, num_bytes: int, *, owner: str | None = None, beside: Reservation | None = None
    ) -> None:
        """Evict slow bodies until num_bytes fit; raises Overloaded if that does not suffice."""
        own = beside.num_bytes if beside is not None else 0
        owned = self.bytes_by_owner[owner] if owner is not None else 0
        if owned > own and owned + num_bytes > self.max_bytes // 2:
            PREDICT_SHED.labels("bytes_full").inc()
            raise Overloaded(
                f"Other bodies sent with this API key take {owned - own} of the "
                f"{self.max_bytes // 2} bytes allowed for a key; try again."
            )
        while self.num_bytes > own and self.num_bytes + num_bytes > self.max_bytes:
            slowest = self._find_slowest(beside)
            if slowest is None:
                PREDICT_SHED.labels("bytes_full").inc()
                raise Overloaded(
                    f"The bodies of other requests take {self.num_bytes - own} of the "
                    f"{self.max_bytes} bytes allowed, and this one has {own + num_bytes}; try "
                    "again."
                )
            self._release(slowest)
            slowest.is_evicted = True
            assert slowest.on_evict is not None  # noqa: S101 - only evictable ones are found
            slowest.on_evict()

    def _find_slowest(self, beside: Reservation | None) -> Reservation | None:
        now = time.monotonic()
        slow = [
            one
            for one in self._reservations
            if one.on_evict is not None
            and one.num_bytes
            and one is not beside
            and now - one.started_at > PATIENCE_SECONDS
        ]
        return max(slow, key=lambda one: one.num_bytes * (now - one.started_at), default=None)

    def _release(self, reservation: Reservation) -> None:
        self._reservations.discard(reservation)
        self.num_bytes -= reservation.num_bytes
        self.bytes_by_owner[reservation.owner] -= reservation.num_bytes
        if not self.bytes_by_owner[reservation.owner]:
            del self.bytes_by_owner[reservation.owner]
