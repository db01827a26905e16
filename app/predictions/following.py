"""Promotions followed: what a reference has come to mean is loaded before it is asked for."""

import logging
import threading
from collections.abc import Callable

import torch
from sqlalchemy.exc import SQLAlchemyError

from app.db.tables import ModelVersion
from app.errors import ModelNotReady, NotFound
from app.predictions.resolution import Resolution

log = logging.getLogger(__name__)


class Following:
    """A thread that looks every refresh_seconds where references have moved, until `close`.

    Answers do not depend on it: who asks before it has looked waits for the load, and who asks for
    what cannot be loaded hears it.
    """

    def __init__(
        self,
        resolution: Resolution,
        *,
        is_loaded: Callable[[ModelVersion], bool],
        load: Callable[[ModelVersion], None],
        refresh_seconds: float,
    ) -> None:
        """What a reference now means is loaded where what it meant before is.

        A reference whose model has long been pushed out by others is not in use.
        """
        self._resolution = resolution
        self._is_loaded = is_loaded
        self._load = load
        self._refresh_seconds = refresh_seconds
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="predict-following", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_closed.set()
        self._thread.join()

    def _run(self) -> None:
        torch.set_num_threads(1)
        while not self._is_closed.wait(self._refresh_seconds):
            for reference in self._resolution.references:
                try:
                    self._follow(reference)
                except (ModelNotReady, NotFound):
                    pass  # it means nothing now
                except SQLAlchemyError as error:
                    log.warning("promotions cannot be looked for: %s", error)
                except Exception:
                    log.warning("a promoted version cannot be loaded", exc_info=True)

    def _follow(self, reference: str | None) -> None:
        move = self._resolution.look_again(reference)
        if move is not None and (move.before is None or self._is_loaded(move.before)):
            self._load(move.now)
