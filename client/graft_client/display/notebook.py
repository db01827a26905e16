"""Show progress in a notebook as HTML that updates itself."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from graft_client.display.curves import curves_svg
from graft_client.display.html import progress_html
from graft_client.optional import require
from graft_client.schemas.jobs import Epoch

_UPDATE_SECONDS = 0.25


class NotebookDisplay:
    """A bar with a text, and the curves of the epochs so far; both stay when it ends."""

    def __init__(self, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises MissingDependency without IPython."""
        self._ipython = require("IPython.display", "progress=True in a notebook")
        self._title = title
        self._clock = clock
        self._shown_at = float("-inf")
        self._state: tuple[int, int | None, str] = (0, None, "starting")
        self._epochs: list[Epoch] = []
        self._handle: Any = None

    def __enter__(self) -> Self:
        self._handle = self._ipython.display(self._html(), display_id=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state = (1, 1, "done") if error is None else (*self._state[:2], "stopped")
        self._handle.update(self._html())

    def update(self, done: int, total: int | None, text: str) -> None:
        """Show the state, at most a few times a second."""
        self._state = (done, total, text)
        self._show()

    def add_epoch(self, epoch: Epoch, strength: float | None) -> None:
        """Add a point to the curves."""
        del strength
        self._epochs.append(epoch)
        self._show()

    def _show(self) -> None:
        if self._clock() - self._shown_at >= _UPDATE_SECONDS:
            self._shown_at = self._clock()
            self._handle.update(self._html())

    def _html(self) -> Any:
        done, total, text = self._state
        bar = progress_html(self._title, done, total, text)
        return self._ipython.HTML(bar + (curves_svg(self._epochs) if self._epochs else ""))
