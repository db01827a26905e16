"""Whether the lanes are warm: each has run the chosen model once before the service is ready."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import GraftError, ModelNotReady

log = logging.getLogger(__name__)


class WarmUp:
    """The beginning of some lanes.

    problem: why the chosen model cannot answer, as far as is known. A model that does not load ends
    the warm-up like one that does: the service may have others, and another can be chosen.
    """

    def __init__(self, num_lanes: int) -> None:
        self.problem: str | None = None
        self._num_cold = num_lanes
        self._lock = threading.Lock()
        self._over = threading.Event()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it is over within this time."""
        return self._over.wait(timeout_seconds)

    @contextmanager
    def lane(self) -> Iterator[None]:
        """One lane runs the chosen model in this block, if one is chosen."""
        try:
            yield
        except ModelNotReady:
            pass
        except Exception as error:
            log.warning("the chosen model could not be run", exc_info=True)
            self.problem = error.message if isinstance(error, GraftError) else type(error).__name__
        finally:
            with self._lock:
                self._num_cold -= 1
                if self._num_cold == 0:
                    self._over.set()
