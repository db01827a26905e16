"""Work items that failed for lack of disk space, and when each may be tried again."""

import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 60.0


@dataclass
class _Wait:
    until: float
    seconds: float


class Postponed:
    """The waits of one worker loop; each further failure of an item doubles its wait.

    An item that needs more space than there is waits here, and others are claimed before it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[str, _Wait] = {}

    def postpone(self, item_id: str) -> None:
        """Let an item wait, twice as long as the last time."""
        last = self._waits.get(item_id)
        seconds = min(2 * last.seconds, LONGEST_WAIT_SECONDS) if last else FIRST_WAIT_SECONDS
        self._waits[item_id] = _Wait(self._clock() + seconds, seconds)

    def forget(self, item_id: str) -> None:
        """End the wait of an item whose attempt has ended otherwise."""
        self._waits.pop(item_id, None)

    def list_waiting(self) -> list[str]:
        """Return the ids of the items that may not be claimed yet."""
        return [item_id for item_id, wait in self._waits.items() if self._clock() < wait.until]
