"""The bodies that are in memory at a time, bounded before they are read."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Overloaded
from app.telemetry.metrics import PREDICT_SHED


class Bodies:
    """Room for so many bytes, taken and given back in one thread, the event loop's."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.num_bytes = 0

    @contextmanager
    def hold(self, num_bytes: int) -> Iterator[None]:
        """Keep room for a body for the length of the block; raises Overloaded without.

        A body that is larger than all the room is taken alone.
        """
        if self.num_bytes and self.num_bytes + num_bytes > self.max_bytes:
            PREDICT_SHED.labels("bytes_full").inc()
            raise Overloaded("The bodies of other requests fill the memory set apart; try again.")
        self.num_bytes += num_bytes
        try:
            yield
        finally:
            self.num_bytes -= num_bytes
