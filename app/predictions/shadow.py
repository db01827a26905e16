"""Run a shadow model on a sample of the chosen model's images, and count how often they agree.

A background thread scores the images one by one while a lane is idle. It never changes a response:
images that find no idle lane are dropped, and failures are counted.
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
from app.db.tenancy import acting_for
from app.errors import GraftError
from app.predictions.servable import Servable
from app.serving.service import find_shadow, list_tenants_with_shadow
from app.serving.shadow_counts import Counts, Pair, ShadowCountsRepository

log = logging.getLogger(__name__)

MAX_WAITING = 16
"""Maximum number of images that wait for an idle lane; further ones are dropped."""

_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class _ShadowSetup:
    """A tenant's pair of versions, and the share of images to run on the shadow."""

    tenant: str
    pair: Pair
    shadow: ModelVersion
    fraction: float


class _QueuedImage(NamedTuple):
    setup: _ShadowSetup
    content: bytes
    logits: Tensor
    temperature: float


class ShadowTraffic:
    """The shadow thread of one process, from construction to `close`.

    Every refresh_seconds it resolves the shadow's reference and stores the counts. It loads the
    shadow's weights outside the model cache, so that the shadow never evicts a serving model.
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
        self._setups: dict[str, _ShadowSetup] = {}
        self._loaded: dict[str, tuple[Pair, Servable | None]] = {}
        self._waiting: queue.Queue[_QueuedImage | None] = queue.Queue(MAX_WAITING)
        self._current: _QueuedImage | None = None
        self._counts: dict[tuple[str, Pair], Counts] = {}
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="predict-shadow", daemon=True)
        self._thread.start()

    def submit(
        self, version: ModelVersion, content: bytes, logits: Tensor, temperature: float
    ) -> bool:
        """Queue an image that this version has classified; returns whether it was sampled.

        Does not block. logits: float32 [num_classes], before the division by the temperature.
        """
        setup = self._setups.get(version.tenant)
        if setup is None or setup.pair[:2] != (version.name, version.version):
            return False
        if random.random() >= setup.fraction:  # noqa: S311 - a sample, not a secret
            return False
        try:
            self._waiting.put_nowait(_QueuedImage(setup, content, logits, temperature))
        except queue.Full:
            self._count(setup, Counts(num_dropped=1))
        return True

    def close(self) -> None:
        """Drop the images that wait, store the counts, end the thread."""
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
                self._process_next(until)
        remaining = [self._current]
        while not self._waiting.empty():
            remaining.append(self._waiting.get_nowait())
        for image in remaining:
            if image is not None:
                self._count(image.setup, Counts(num_dropped=1))
        self._store()

    def _refresh(self) -> None:
        self._store()
        try:
            with self._database.reading() as session:
                tenants = list_tenants_with_shadow(session)
        except SQLAlchemyError as error:
            log.warning("the shadows cannot be read: %s", error)
            tenants = []
        found = [setup for tenant in tenants if (setup := self._find_setup(tenant))]
        self._setups = {setup.tenant: setup for setup in found}
        for tenant, (pair, servable) in list(self._loaded.items()):
            setup = self._setups.get(tenant)
            if setup is None or setup.pair != pair or servable is None:
                del self._loaded[tenant]  # another shadow, or one whose file could not be read

    def _find_setup(self, tenant: str) -> _ShadowSetup | None:
        try:
            with acting_for(tenant), self._database.reading() as session:
                found = find_shadow(session)
        except (GraftError, SQLAlchemyError) as error:
            log.warning("the shadow cannot be resolved: %s", error)
            return None
        if found is None:
            return None
        chosen, shadow, fraction = found
        pair = Pair(chosen.name, chosen.version, shadow.name, shadow.version)
        return _ShadowSetup(tenant, pair, shadow, fraction)

    def _process_next(self, until: float) -> None:
        """Take the next image from the queue, and score it once a lane is idle."""
        if self._current is None:
            with suppress(queue.Empty):
                self._current = self._waiting.get(timeout=max(until - time.monotonic(), 0.0))
        if self._current is None:
            return
        if not self._is_idle():
            self._is_closed.wait(_POLL_SECONDS)
            return
        image, self._current = self._current, None
        setup = self._setups.get(image.setup.tenant)
        is_current = setup is not None and setup.pair == image.setup.pair
        self._count(image.setup, self._compare(image) if is_current else Counts(num_dropped=1))

    def _compare(self, image: _QueuedImage) -> Counts:
        servable = self._find_servable(image.setup)
        if servable is None:
            return Counts(num_failed=1)
        try:
            pixels = servable.prepare(image.content, max_pixels=self._max_pixels)
            logits = servable.engine.run(pixels[None]).logits[0]
        except Exception:
            log.warning("the shadow could not classify an image", exc_info=True)
            return Counts(num_failed=1)
        return compare_probabilities(
            (image.logits / image.temperature).softmax(dim=0),
            (logits / servable.temperature).softmax(dim=0),
        )

    def _find_servable(self, setup: _ShadowSetup) -> Servable | None:
        """Return None if the shadow cannot be loaded; the next refresh allows another attempt."""
        loaded = self._loaded.get(setup.tenant)
        if loaded is None or loaded[0] != setup.pair:
            try:
                loaded = (setup.pair, self._load(setup.shadow))
            except Exception:
                log.warning("the shadow cannot be loaded", exc_info=True)
                loaded = (setup.pair, None)
            self._loaded[setup.tenant] = loaded
        return loaded[1]

    def _count(self, setup: _ShadowSetup, counts: Counts) -> None:
        self._add((setup.tenant, setup.pair), counts)

    def _add(self, key: tuple[str, Pair], counts: Counts) -> None:
        with self._lock:
            self._counts[key] = self._counts.get(key, Counts()).plus(counts)

    def _store(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            with self._database.transaction() as session:
                for tenant, pair in sorted(counts):  # sorted, so that processes never deadlock
                    with acting_for(tenant):
                        ShadowCountsRepository(session).add(pair, counts[tenant, pair])
        except SQLAlchemyError as error:
            log.warning("the shadow's counts cannot be stored yet: %s", error)
            for key, unstored in counts.items():
                self._add(key, unstored)


def compare_probabilities(served: Tensor, shadow: Tensor) -> Counts:
    """Count one image that both models classified; probabilities float32 [num_classes]."""
    return Counts(
        num_images=1,
        num_agreed=int(served.argmax() == shadow.argmax()),
        sum_abs_difference=float((served - shadow).abs().mean()),
    )
