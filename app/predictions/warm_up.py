"""Track the warm-up: each lane runs the chosen model once before the service is ready."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from app.db.serving_tables import Serving
from app.db.session import Database
from app.db.tenancy import DEFAULT_TENANT
from app.errors import GraftError, ModelNotReady

log = logging.getLogger(__name__)


def list_tenants_with_model(database: Database) -> list[str]:
    """Return the default tenant, and then all others that have chosen a model."""
    with database.reading() as session:
        others = session.scalars(select(Serving.tenant).order_by(Serving.tenant)).all()
    return [DEFAULT_TENANT, *(one for one in others if one != DEFAULT_TENANT)]


class WarmUp:
    """Count the lanes that have not run the chosen model yet.

    problems: why the chosen models of tenants cannot predict, as far as is known. A model that does
    not load ends the warm-up as well: the service may have others, and another can be chosen.
    """

    def __init__(self, num_lanes: int) -> None:
        self.problems: dict[str, str] = {}
        self._num_cold = num_lanes
        self._lock = threading.Lock()
        self._done = threading.Event()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the end; returns False after the timeout."""
        return self._done.wait(timeout_seconds)

    @property
    def problem(self) -> str | None:
        """Why a chosen model cannot predict; only that of the default tenant is named."""
        problems = dict(self.problems)
        if not problems:
            return None
        return problems.get(DEFAULT_TENANT, "The chosen model of a tenant cannot be loaded.")

    @contextmanager
    def chosen_model(self, tenant: str) -> Iterator[None]:
        """Record why a tenant's chosen model, which the block runs, cannot be run."""
        try:
            yield
        except ModelNotReady:
            pass
        except Exception as error:
            log.warning("the chosen model could not be run", exc_info=True)
            self.problems[tenant] = (
                error.message if isinstance(error, GraftError) else type(error).__name__
            )

    @contextmanager
    def lane(self) -> Iterator[None]:
        """Count one lane as warm at the end of the block, which runs the chosen models, if any."""
        try:
            yield
        except Exception:
            log.warning("the chosen models could not be run", exc_info=True)
        finally:
            with self._lock:
                self._num_cold -= 1
                if self._num_cold == 0:
                    self._done.set()
