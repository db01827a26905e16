"""Track the warm-up: each lane runs the chosen model once before the service is ready."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import GraftError, ModelNotReady

log = logging.getLogger(__name__)


class WarmUp:
    """Count the lanes that have not run the chosen model yet.

    problem: why the chosen model cannot predict, None as far as is known. A model that does not
    load ends the warm-up as well: the service may have others, and another can be chosen.
    """

    def __init__(self, num_lanes: int) -> None:
        self.problem: str | None = None
        self._num_cold = num_lanes
        self._lock = threading.Lock()
        self._done = threading.Event()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the end; returns False after the timeout."""
        return self._done.wait(timeout_seconds)

    @contextmanager
    def lane(self) -> Iterator[None]:
        """Count one lane as warm at the end of the block, which runs the chosen model, if any."""
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
                    self._done.set()
