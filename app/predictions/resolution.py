"""Resolve model references once for all requests that wait."""

import math
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from app.db.session import Database
from app.db.tables import ModelVersion
from app.db.tenancy import DEFAULT_TENANT, acting_for, owning_tenant
from app.models.service import resolve_chosen, resolve_reference
from app.predictions.schemas import PredictOptions
from app.telemetry.tracing import find_trace_parent

_MAX_KNOWN = 256


@dataclass(eq=False)
class ModelQuery:
    """The model and the options of one request, the same for all its images.

    reference is None for the chosen model; version is None until a lane resolves it. label is the
    class to explain, None for the most probable one. received_at is in monotonic seconds;
    trace_parent is the request's span. The reference is one of the tenant's models.
    """

    reference: str | None
    options: PredictOptions
    explain: bool = False
    label: str | None = None
    received_at: float = field(default_factory=time.monotonic)
    version: ModelVersion | None = None
    trace_parent: str | None = field(default_factory=find_trace_parent)
    tenant: str = field(default_factory=owning_tenant)

    @property
    def target(self) -> "Target":
        """The tenant and the reference, which determine the version."""
        return Target(self.tenant, self.reference)


class Target(NamedTuple):
    """A tenant's reference to one of its models, None for the one that it has chosen."""

    tenant: str
    reference: str | None


class _Lookup(NamedTuple):
    """The version that a lookup found, when it began, and the database's mark, if it has one."""

    started_at: float
    mark: int | None
    version: ModelVersion


class Promotion(NamedTuple):
    """The versions of a reference before and now; previous is None at the first lookup."""

    previous: ModelVersion | None
    current: ModelVersion


class ReferenceResolver:
    """Cache the versions of references without ever returning one older than the request.

    A lookup that begins after a request was received sees every promotion committed before that
    request. So it serves all requests that wait at that moment. It also serves those that come
    before the next commit, if the database can tell that there was none (its mark).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Target, _Lookup] = {}
        self._mark: int | None = None
        self._marked_at = -math.inf
        self._lock = threading.Lock()

    def resolve(self, query: ModelQuery) -> ModelVersion:
        """Return the version for all images of a request.

        Raises ModelNotReady, and what `resolve_reference` raises, at `query.model`.
        """
        with self._lock:
            if query.version is None:
                mark = self._find_mark(query.received_at)
                known = self._known.get(query.target)
                if known is None or not _is_fresh(known, query, mark):
                    known = self._look_up(query.target, mark)
                query.version = known.version
            return query.version

    @property
    def targets(self) -> list[Target]:
        """The references of recent requests, and the chosen model of the default tenant."""
        with self._lock:
            return list({Target(DEFAULT_TENANT, None), *self._known})

    def refresh(self, target: Target) -> Promotion | None:
        """Look a reference up again; returns None if it has the same version as before.

        Raises what `resolve` does.
        """
        with self._lock:
            known = self._known.get(target)
            mark = self._find_mark(time.monotonic())
            if known is not None and mark is not None and known.mark == mark:
                return None
            previous = known and known.version
            current = self._look_up(target, mark).version
            if previous is not None and _are_same(previous, current):
                return None
            return Promotion(previous, current)

    def _find_mark(self, received_at: float) -> int | None:
        """Return the database's mark, read after the request was received."""
        if self._marked_at <= received_at:
            self._marked_at, self._mark = time.monotonic(), self._database.find_data_version()
        return self._mark

    def _look_up(self, target: Target, mark: int | None) -> _Lookup:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        lookup = _Lookup(time.monotonic(), mark, self._read_version(target))
        self._known[target] = lookup
        return lookup

    def _read_version(self, target: Target) -> ModelVersion:
        with acting_for(target.tenant), self._database.reading() as session:
            if target.reference is None:
                return resolve_chosen(session)
            return resolve_reference(session, target.reference, loc=("query", "model"))


def _are_same(one: ModelVersion, other: ModelVersion) -> bool:
    return (one.name, one.version) == (other.name, other.version)


def _is_fresh(known: _Lookup, query: ModelQuery, mark: int | None) -> bool:
    return known.started_at > query.received_at or (mark is not None and known.mark == mark)
