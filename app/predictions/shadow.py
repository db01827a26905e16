"""Letting a challenger see what the chosen model has answered, and counting how often they agree.

A thread of its own scores the images one by one while a lane is idle. Nothing that happens here
reaches an answer: what finds no idle moment is dropped, what fails is counted.
"""

import logging
import queue
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import torch
from sqlalchemy.exc import SQLAlchemyError
from torch import Tensor

from app.db.session import Database
from app.db.tables import ModelVersion
from app.errors import GraftError
from app.predictions.servable import Servable
from app.serving.service import find_shadow
from app.serving.shadow_counts import Counts, Pair, TallyRepository

log = logging.getLogger(__name__)

MAX_WAITING = 16
"""Images that wait for an idle lane; more are dropped."""

_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class _Contest:
    """The two versions, and the share of images that the shadow is to see."""

    pair: Pair
    shadow: ModelVersion
    fraction: float


class _Shown(NamedTuple):
    contest: _Contest
    content: bytes
    logits: Tensor
    temperature: float


class ShadowTraffic:
    """The shadow of one process, from construction to `close`.

    Its reference is looked up, and its tally stored, every refresh_seconds. Its weights are loaded
    beside the cache of models, so that it never pushes out one that answers.
    """

    def __init__(
        self,
        database: Database,
        *,
        load: Callable[[ModelVersion], Servable],
        is_idle: Callable[[], bool],
        max_pixels: int,
        refresh_seconds: float,
    ) -> None:
        self._database = database
        self._load = load
        self._is_idle = is_idle
        self._max_pixels = max_pixels
        self._refresh_seconds = refresh_seconds
        self._contest: _Contest | None = None
        self._loaded: tuple[Pair, Servable | None] | None = None
        self._waiting: queue.Queue[_Shown | None] = queue.Queue(MAX_WAITING)
        self._taken: _Shown | None = None
        self._counts: dict[Pair, Counts] = {}
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="predict-shadow", daemon=True)
        self._thread.start()

    def show(
        self, version: ModelVersion, content: bytes, logits: Tensor, temperature: float
    ) -> bool:
        """An image that this version of the chosen model has answered; whether it is one to count.

        Returns at once. logits: float32 [num_classes], to be divided by the temperature.
        """
        contest = self._contest
        if contest is None or contest.pair[:2] != (version.name, version.version):
            return False
        if random.random() >= contest.fraction:  # noqa: S311 - a sample, not a secret
            return False
        try:
            self._waiting.put_nowait(_Shown(contest, content, logits, temperature))
        except queue.Full:
            self._count(contest.pair, Counts(num_dropped=1))
        return True

    def close(self) -> None:
        """Drop what waits, store the tally, end the thread."""
        self._is_closed.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)  # wakes a thread that waits for an image
        self._thread.join()

    def _run(self) -> None:
        torch.set_num_threads(1)
        while not self._is_closed.is_set():
            self._refresh()
            until = time.monotonic() + self._refresh_seconds
            while time.monotonic() < until and not self._is_closed.is_set():
                self._look(until)
        left = [self._taken]
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        for shown in left:
            if shown is not None:
                self._count(shown.contest.pair, Counts(num_dropped=1))
        self._store()

    def _refresh(self) -> None:
        self._store()
        try:
            with self._database.reading() as session:
                found = find_shadow(session)
        except (GraftError, SQLAlchemyError) as error:
            log.warning("the shadow cannot be looked up: %s", error)
            found = None
        if found is None:
            self._contest = self._loaded = None
            return
        chosen, shadow, fraction = found
        pair = Pair(chosen.name, chosen.version, shadow.name, shadow.version)
        if self._loaded and (self._loaded[0] != pair or self._loaded[1] is None):
            self._loaded = None  # another shadow, or one whose file could not be read
        self._contest = _Contest(pair, shadow, fraction)

    def _look(self, until: float) -> None:
        """Take the next image that waits, and score it once a lane is idle."""
        if self._taken is None:
            with suppress(queue.Empty):
                self._taken = self._waiting.get(timeout=max(until - time.monotonic(), 0.0))
        if self._taken is None:
            return
        if not self._is_idle():
            self._is_closed.wait(_POLL_SECONDS)
            return
        shown, self._taken = self._taken, None
        pair = shown.contest.pair
        is_meant = self._contest is not None and self._contest.pair == pair
        self._count(pair, self._compare(shown) if is_meant else Counts(num_dropped=1))

    def _compare(self, shown: _Shown) -> Counts:
        servable = self._find_servable(shown.contest)
        if servable is None:
            return Counts(num_failed=1)
        try:
            pixels = servable.prepare(shown.content, max_pixels=self._max_pixels)
            logits = servable.engine.run(pixels[None]).logits[0]
        except Exception:
            log.warning("the shadow could not answer an image", exc_info=True)
            return Counts(num_failed=1)
        return count(
            (shown.logits / shown.temperature).softmax(dim=0),
            (logits / servable.temperature).softmax(dim=0),
        )

    def _find_servable(self, contest: _Contest) -> Servable | None:
        """None where the shadow cannot be loaded, which is tried again at the next refresh."""
        if self._loaded is None or self._loaded[0] != contest.pair:
            try:
                self._loaded = (contest.pair, self._load(contest.shadow))
            except Exception:
                log.warning("the shadow cannot be loaded", exc_info=True)
                self._loaded = (contest.pair, None)
        return self._loaded[1]

    def _count(self, pair: Pair, counts: Counts) -> None:
        with self._lock:
            self._counts[pair] = self._counts.get(pair, Counts()).plus(counts)

    def _store(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            with self._database.transaction() as session:
                for pair in sorted(counts):  # in one order, so that processes never deadlock
                    TallyRepository(session).add(pair, counts[pair])
        except SQLAlchemyError as error:
            log.warning("the shadow's tally cannot be stored yet: %s", error)
            for pair, some in counts.items():
                self._count(pair, some)


def count(answered: Tensor, shadow: Tensor) -> Counts:
    """One image that both have answered; probabilities float32 [num_classes]."""
    return Counts(
        num_images=1,
        num_agreed=int(answered.argmax() == shadow.argmax()),
        sum_abs_difference=float((answered - shadow).abs().mean()),
    )
