"""Forward passes shared by all who wait: those who ask while the device is busy run together."""

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
    """An engine whose device does one thing at a time, for many threads.

    Whenever the device is free, a thread of its own takes what waits: whole calls in the order of
    arrival, of at most largest_batch images together. It never waits for company, so batches grow
    only because calls come while the device is busy. The thread ends when this is dropped.
    """

    def __init__(self, engine: Engine, largest_batch: int) -> None:
        self.engine = engine
        self.name, self.numbers, self.num_bytes = engine.name, engine.numbers, engine.num_bytes
        self._largest_batch = largest_batch
        # A SimpleQueue: the collector may put the end into it while this thread puts a call.
        self._arriving: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(
            target=_work,  # not a method, which would keep this from being dropped
            args=(engine, self._arriving, largest_batch),
            name="predict-device",
            daemon=True,
        ).start()
        weakref.finalize(self, self._arriving.put, None)

    @property
    def num_waiting(self) -> int:
        """Calls that have come since the device was last free."""
        return self._arriving.qsize()

    def run(self, pixels: Tensor) -> Scores:
        calls = [_Call(part, Future()) for part in torch.split(pixels, self._largest_batch)]
        for call in calls:
            self._arriving.put(call)
        scores = [call.scores.result() for call in calls]
        return Scores(
            torch.cat([part.logits for part in scores]),
            torch.cat([part.features for part in scores]),
        )


def _work(engine: Engine, arriving: SimpleQueue[_Call | None], largest_batch: int) -> None:
    """Answer calls until the end, which is None."""
    torch.set_num_threads(1)  # those who call are the parallelism
    waiting = deque([arriving.get()])
    while waiting[0] is not None:
        while not arriving.empty():
            waiting.append(arriving.get())
        _answer(engine, _take(waiting, largest_batch))
        if not waiting:
            waiting.append(arriving.get())


def _take(waiting: deque[_Call | None], num_images: int) -> list[_Call]:
    """The oldest calls, as many as are together of at most so many images."""
    taken: list[_Call] = []
    while waiting and (call := waiting[0]) is not None and len(call.pixels) <= num_images:
        taken.append(call)
        num_images -= len(call.pixels)
        waiting.popleft()
    return taken


def _answer(engine: Engine, calls: Sequence[_Call]) -> None:
    try:
        scores = _run(engine, calls)
    except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
        if isinstance(error, Overloaded) and len(calls) > 1:  # too much together, perhaps not alone
            for call in calls:
                _answer(engine, [call])
        else:
            for call in calls:
                call.scores.set_exception(error)
    else:
        for call, own in zip(calls, scores, strict=True):
            call.scores.set_result(own)


def _run(engine: Engine, calls: Sequence[_Call]) -> list[Scores]:
    """Each call's rows of one forward pass."""
    pixels = [call.pixels for call in calls]
    logits, features = engine.run(torch.cat(pixels) if len(pixels) > 1 else pixels[0])
    sizes = [len(images) for images in pixels]
    rows = zip(torch.split(logits, sizes), torch.split(features, sizes), strict=True)
    return [Scores(*own) for own in rows]
