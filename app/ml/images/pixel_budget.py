"""Limit the pixels that a process decodes at a time."""

import ctypes
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import DeadlineExceeded

MAX_BYTES_PER_PIXEL = 16
"""Largest memory that decoding, converting and reducing an image takes, for each of its pixels."""

_TRIMMED_PIXELS = 8_000_000
"""After an image of so many pixels, free memory is returned to the operating system."""


class PixelBudget:
    """Pixels of the images that the threads of a process decode; the rest of them wait.

    An image counts from its header on until it is reduced to what is kept of it.
    """

    def __init__(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels
        self.num_pixels = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, num_pixels: int, *, deadline: float | None = None) -> Iterator[None]:
        """Wait for room, then run the block.

        An image above the budget runs alone. deadline is a time of `time.monotonic`, None to wait
        for ever. Raises DeadlineExceeded.
        """
        with self._changed:
            left = None if deadline is None else deadline - time.monotonic()
            if not self._changed.wait_for(lambda: self._fits(num_pixels), left):
                raise DeadlineExceeded(
                    "Other large images were decoded until the deadline; try again."
                )
            self.num_pixels += num_pixels
        try:
            yield
        finally:
            if num_pixels >= _TRIMMED_PIXELS:
                _return_free_memory()
            with self._changed:
                self.num_pixels -= num_pixels
                self._changed.notify_all()

    def _fits(self, num_pixels: int) -> bool:
        return not self.num_pixels or self.num_pixels + num_pixels <= self.max_pixels


def _return_free_memory() -> None:
    """Return freed memory to the operating system, where the C library is glibc.

    Pillow allocates blocks of 16 MB, which glibc keeps for each thread once they are freed. Images
    that several threads decode one after the other would add up.
    """
    if _malloc_trim is not None:
        _malloc_trim(0)


_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None

PIXELS_IN_FLIGHT = PixelBudget(128_000_000)
"""The budget of this process; the API sets its size from the settings when it starts."""
