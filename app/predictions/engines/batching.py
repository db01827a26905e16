"""Batch the calls of several threads: those that wait for a busy device run together."""

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import NamedTuple

import torch
from torch import Tensor

from app.errors import Overloaded
from app.ml.runtime.scoring import Scores
from app.predictions.engines.engine import Engine


class _Call(NamedTuple):
    pixels: Tensor
    scores: Future[Scores]


class BatchingEngine:
    """Share an engine, which runs one forward pass at a time, among many threads.

    Whenever the device is free, a background thread takes the calls that wait: whole calls in the
    order of arrival, of at most largest_batch images together. It never waits for a batch to fill,
    so batches grow only while the device is busy. The thread ends when this object is deleted.
    """

    def __init__(self, engine: Engine, largest_batch: int) -> None:
        self.engine = engine
        self.name, self.precision, self.num_bytes = engine.name, engine.precision, engine.num_bytes
        self._largest_batch = largest_batch
        # A SimpleQueue: garbage collection may put None into it while this thread puts a call.
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(
            target=_run_calls,  # not a method, which would keep this object alive
            args=(engine, self._calls, largest_batch),
            name="predict-device",
            daemon=True,
        ).start()
        weakref.finalize(self, self._calls.put, None)

    @property
    def num_waiting(self) -> int:
        """Number of calls that have come since the device was last free."""
        return self._calls.qsize()

    def run(self, pixels: Tensor) -> Scores:
        calls = [_Call(part, Future()) for part in torch.split(pixels, self._largest_batch)]
        for call in calls:
            self._calls.put(call)
        scores = [call.scores.result() for call in calls]
        return Scores(
            torch.cat([part.logits for part in scores]),
            torch.cat([part.features for part in scores]),
        )


def _run_calls(engine: Engine, arriving: SimpleQueue[_Call | None], largest_batch: int) -> None:
    """Run calls until None arrives."""
    torch.set_num_threads(1)  # the calling threads are the parallelism
    waiting = deque([arriving.get()])
    while waiting[0] is not None:
        while not arriving.empty():
            waiting.append(arriving.get())
        _run_batch(engine, _take_batch(waiting, largest_batch))
        if not waiting:
            waiting.append(arriving.get())


def _take_batch(waiting: deque[_Call | None], num_images: int) -> list[_Call]:
    """Take the oldest calls that have at most so many images together."""
    taken: list[_Call] = []
    while waiting and (call := waiting[0]) is not None and len(call.pixels) <= num_images:
        taken.append(call)
        num_images -= len(call.pixels)
        waiting.popleft()
    return taken


def _run_batch(engine: Engine, calls: Sequence[_Call]) -> None:
    try:
        scores = _forward(engine, calls)
    except BaseException as error:  # noqa: BLE001 - the callers that wait get it
        if isinstance(error, Overloaded) and len(calls) > 1:  # each call alone may fit
            for call in calls:
                _run_batch(engine, [call])
        else:
            for call in calls:
                call.scores.set_exception(error)
    else:
        for call, result in zip(calls, scores, strict=True):
            call.scores.set_result(result)


def _forward(engine: Engine, calls: Sequence[_Call]) -> list[Scores]:
    """Run one forward pass; returns each call's rows."""
    pixels = [call.pixels for call in calls]
    logits, features = engine.run(torch.cat(pixels) if len(pixels) > 1 else pixels[0])
    sizes = [len(images) for images in pixels]
    rows = zip(torch.split(logits, sizes), torch.split(features, sizes), strict=True)
    return [Scores(*row) for row in rows]
