"""What references mean: looked up after a request has come, once for all that came before."""

import math
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from app.db.session import Database
from app.db.tables import ModelVersion
from app.models.service import resolve_chosen, resolve_reference
from app.predictions.results import Wish
from app.telemetry.tracing import find_trace_parent

_MAX_KNOWN = 256


@dataclass(eq=False)
class Question:
    """What one request asks of all its images, and the version that is to answer them.

    asked_at is in monotonic seconds; trace_parent is the request's own span.
    """

    reference: str | None
    wish: Wish
    asked_at: float = field(default_factory=time.monotonic)
    version: ModelVersion | None = None
    trace_parent: str | None = field(default_factory=find_trace_parent)


class _Known(NamedTuple):
    """A lookup that began at a time, and at a mark of the database where it gives one."""

    looked_up_at: float
    mark: int | None
    version: ModelVersion


class Move(NamedTuple):
    """The version that a reference meant, None for a first one, and the one that it means."""

    before: ModelVersion | None
    now: ModelVersion


class Resolution:
    """The meaning of references, never older than the question.

    A lookup that begins after a question was asked sees every promotion that was committed before
    it; so it serves all questions that wait at that moment, and those that come before the next
    commit where the database can tell that there was none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str | None, _Known] = {}
        self._mark: int | None = None
        self._marked_at = -math.inf
        self._lock = threading.Lock()

    def resolve(self, question: Question) -> ModelVersion:
        """The version for all images of a question.

        Raises what `resolve_reference` does at `query.model`, ModelNotReady.
        """
        with self._lock:
            if question.version is None:
                mark = self._find_mark(question.asked_at)
                known = self._known.get(question.reference)
                if known is None or not _is_fresh(known, question, mark):
                    known = self._remember(question.reference, mark)
                question.version = known.version
            return question.version

    @property
    def references(self) -> list[str | None]:
        """The chosen model's, which is None, and all that were asked for lately."""
        with self._lock:
            return list({None, *self._known})

    def look_again(self, reference: str | None) -> Move | None:
        """Where a reference has moved since it was last looked up.

        Raises what `resolve` does.
        """
        with self._lock:
            known = self._known.get(reference)
            mark = self._find_mark(time.monotonic())
            if known is not None and mark is not None and known.mark == mark:
                return None
            before = known and known.version
            move = Move(before, self._remember(reference, mark).version)
            return None if before is not None and _are_same(before, move.now) else move

    def _find_mark(self, asked_at: float) -> int | None:
        """The database's mark, read after a question was asked."""
        if self._marked_at <= asked_at:
            self._marked_at, self._mark = time.monotonic(), self._database.find_data_version()
        return self._mark

    def _remember(self, reference: str | None, mark: int | None) -> _Known:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        known = _Known(time.monotonic(), mark, self._look_up(reference))
        self._known[reference] = known
        return known

    def _look_up(self, reference: str | None) -> ModelVersion:
        with self._database.reading() as session:
            if reference is None:
                return resolve_chosen(session)
            return resolve_reference(session, reference, loc=("query", "model"))


def _are_same(one: ModelVersion, other: ModelVersion) -> bool:
    return (one.name, one.version) == (other.name, other.version)


def _is_fresh(known: _Known, question: Question, mark: int | None) -> bool:
    return known.looked_up_at > question.asked_at or (mark is not None and known.mark == mark)
