"""Draw images in threads of their own, so that they never take those of other routes."""

from collections.abc import Callable

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from app.errors import Overloaded

MAX_WAITING = 32
"""Drawings that may wait; one takes tenths of a second."""

_THREADS = CapacityLimiter(2)


def count_waiting() -> int:
    """Return how many drawings wait for a thread."""
    return _THREADS.statistics().tasks_waiting


async def draw(make_image: Callable[[], bytes]) -> bytes:
    """Call make_image in a drawing thread, without a database session.

    Raises Overloaded if too many drawings wait.
    """
    if count_waiting() >= MAX_WAITING:
        raise Overloaded(f"{MAX_WAITING} images wait to be drawn; try again.")
    return await run_sync(make_image, limiter=_THREADS)
