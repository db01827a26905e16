"""The time budget of a job over all its attempts."""

import time
from collections.abc import Callable


class BudgetClock:
    """Counts the seconds of a budget from the start of an attempt's work.

    used_before: seconds of earlier attempts.
    """

    def __init__(
        self, total: float, used_before: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self._used_before = used_before
        self._now = now
        self._started = now()

    def used(self) -> float:
        """Return the seconds that all attempts have used."""
        return self._used_before + self._now() - self._started

    def left(self) -> float:
        """Return the seconds that are left, at least 0."""
        return max(self.total - self.used(), 0.0)
