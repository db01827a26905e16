"""Limit the bytes of request bodies that are in memory at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Overloaded
from app.telemetry.metrics import PREDICT_SHED


class BodyMemory:
    """Count the bytes of all bodies in memory; for one thread, the event loop's."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.num_bytes = 0

    @contextmanager
    def reserve(self, num_bytes: int) -> Iterator[None]:
        """Reserve memory for one body while the block runs.

        A body above the limit is accepted while there is no other. Raises Overloaded for a body
        that does not fit beside the others.
        """
        if self.num_bytes and self.num_bytes + num_bytes > self.max_bytes:
            PREDICT_SHED.labels("bytes_full").inc()
            raise Overloaded(
                f"The bodies of other requests take {self.num_bytes} of the {self.max_bytes} bytes "
                f"allowed, and this one has {num_bytes}; try again."
            )
        self.num_bytes += num_bytes
        try:
            yield
        finally:
            self.num_bytes -= num_bytes
