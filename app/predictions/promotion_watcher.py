"""Load promoted versions in the background, before a request needs them."""

import logging
import threading
from collections.abc import Callable

import torch
from sqlalchemy.exc import SQLAlchemyError

from app.db.tables import ModelVersion
from app.errors import ModelNotReady, NotFound
from app.predictions.resolution import ReferenceResolver, Target

log = logging.getLogger(__name__)


class PromotionWatcher:
    """Resolve the references in use every refresh_seconds in a thread, until `close`.

    Results do not depend on it. A request that comes before the watcher has loaded a version loads
    it itself. A request for a version that cannot be loaded gets the error.
    """

    def __init__(
        self,
        resolver: ReferenceResolver,
        *,
        is_loaded: Callable[[ModelVersion], bool],
        load: Callable[[ModelVersion], None],
        refresh_seconds: float,
    ) -> None:
        """Start the thread.

        It loads the current version of a reference only if the previous version is loaded:
        otherwise nobody uses the reference any more.
        """
        self._resolver = resolver
        self._is_loaded = is_loaded
        self._load = load
        self._refresh_seconds = refresh_seconds
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="predict-promotions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_closed.set()
        self._thread.join()

    def _run(self) -> None:
        torch.set_num_threads(1)
        while not self._is_closed.wait(self._refresh_seconds):
            for target in self._resolver.targets:
                try:
                    self._load_promoted(target)
                except (ModelNotReady, NotFound):
                    pass  # the reference has no version now
                except SQLAlchemyError as error:
                    log.warning("promotions cannot be read from the database: %s", error)
                except Exception:
                    log.warning("a promoted version cannot be loaded", exc_info=True)

    def _load_promoted(self, target: Target) -> None:
        promotion = self._resolver.refresh(target)
        if promotion is None:
            return
        if promotion.previous is None or self._is_loaded(promotion.previous):
            self._load(promotion.current)
