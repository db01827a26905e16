"""Measure the speed of an upload and the time that is left."""

import time
from collections import deque
from collections.abc import Callable

from graft_client.display.base import Display

_WINDOW_SECONDS = 5.0
_UPDATE_SECONDS = 0.1
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


class Meter:
    """Shows sent bytes with speed (over the last seconds) and time left."""

    def __init__(
        self, display: Display, total: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._display = display
        self._total = total
        self._clock = clock
        self._samples = deque([(clock(), 0)])

    def update(self, sent: int) -> None:
        """Show that `sent` bytes have been sent since the start; called for each chunk."""
        now = self._clock()
        if sent < self._samples[-1][1]:  # it is sent again
            self._samples = deque([(now, sent)])
        if now - self._samples[-1][0] < _UPDATE_SECONDS and sent < self._total:
            return
        self._samples.append((now, sent))
        while now - self._samples[0][0] > _WINDOW_SECONDS and len(self._samples) > 2:  # noqa: PLR2004 - two points give a speed
            self._samples.popleft()
        self._display.update(min(sent, self._total), self._total, self._describe(sent))

    def start_at(self, sent: int) -> None:
        """Continue at `sent` bytes, which were sent earlier and do not count for the speed."""
        self._samples = deque([(self._clock(), sent)])
        self._display.update(min(sent, self._total), self._total, self._describe(sent))

    def _describe(self, sent: int) -> str:
        (first_time, first_sent), (last_time, last_sent) = self._samples[0], self._samples[-1]
        text = f"{format_bytes(sent)} of {format_bytes(self._total)}"
        if last_time <= first_time or last_sent <= first_sent:
            return text
        speed = (last_sent - first_sent) / (last_time - first_time)
        left = max(0, self._total - sent) / speed
        return f"{text}, {format_bytes(speed)}/s, {format_seconds(left)} left"


def format_accuracy(accuracy: float, balanced: float | None) -> str:
    """Return an accuracy, 0-1, and the balanced one if it is known: `0.900 (balanced 0.850)`."""
    return f"{accuracy:.3f}" + ("" if balanced is None else f" (balanced {balanced:.3f})")


def format_bytes(count: float) -> str:
    """Return a number of bytes in words, such as `47.3 MB`."""
    unit = 0
    while count >= _THOUSAND and unit < len(_UNITS) - 1:
        count /= _THOUSAND
        unit += 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count:.0f} B"


def format_seconds(seconds: float) -> str:
    """Return a time in words, such as `8 s`, `2 min 5 s` or `1 h 4 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
