"""Cache loaded models: least recently used first out, never one in use."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.telemetry.metrics import (
    MODEL_CACHE_BYTES,
    MODEL_CACHE_EVICTIONS,
    MODEL_CACHE_LOAD_SECONDS,
    MODEL_CACHE_LOADS,
)

Key = TypeVar("Key", bound=Hashable)
Model = TypeVar("Model")


@dataclass
class _Entry(Generic[Model]):
    num_bytes: int
    pins: int = 0
    loaded: Future[Model] = field(default_factory=Future)


class ModelCache(Generic[Key, Model]):
    """A thread-safe LRU cache of models, bounded by their bytes.

    Models in use are never evicted, so the cache exceeds `max_bytes` while they need more. Eviction
    happens before a model is loaded, not after.
    """

    def __init__(self, max_bytes: int, *, measure: Callable[[Model], int] | None = None) -> None:
        """`measure` returns the bytes of a loaded model, if they differ from the estimate."""
        self.max_bytes = max_bytes
        self._measure = measure
        self._entries: OrderedDict[Key, _Entry[Model]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def use(self, key: Key, *, num_bytes: int, load: Callable[[], Model]) -> Iterator[Model]:
        """Yield the model of this key, and keep it in the cache while the block runs.

        The first caller loads it while others wait for the same model. An error of `load` is raised
        for all of them and not cached. num_bytes is the estimate that evicts other models.
        """
        with self._lock:
            entry = self._entries.get(key)
            is_first = entry is None
            if entry is None:
                entry = self._entries[key] = _Entry(num_bytes)
            entry.pins += 1
            self._entries.move_to_end(key)
            self._evict_unused()
        try:
            if is_first:
                self._load(key, entry, load)
            yield entry.loaded.result()
        finally:
            with self._lock:
                entry.pins -= 1
                self._evict_unused()

    @property
    def keys(self) -> list[Key]:
        """The keys of the cached models, the least recently used first."""
        with self._lock:
            return list(self._entries)

    def _load(self, key: Key, entry: _Entry[Model], load: Callable[[], Model]) -> None:
        try:
            with MODEL_CACHE_LOAD_SECONDS.time():
                model = load()
            if self._measure is not None:
                entry.num_bytes = self._measure(model)
            MODEL_CACHE_LOADS.labels("loaded").inc()
            entry.loaded.set_result(model)
        except BaseException as error:
            MODEL_CACHE_LOADS.labels("failed").inc()
            with self._lock:
                del self._entries[key]
            entry.loaded.set_exception(error)
            raise

    def _evict_unused(self) -> None:
        num_bytes = sum(entry.num_bytes for entry in self._entries.values())
        for key, entry in list(self._entries.items()):
            if num_bytes <= self.max_bytes:
                break
            if entry.pins == 0:
                del self._entries[key]
                num_bytes -= entry.num_bytes
                MODEL_CACHE_EVICTIONS.inc()
        MODEL_CACHE_BYTES.set(num_bytes)
