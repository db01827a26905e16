"""Calls that wait for a busy device run together; test_engines has what all engines share."""

import gc
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from app.errors import Overloaded
from app.ml.runtime.scoring import Scores
from app.predictions.engines.batching import BatchingEngine
from app.predictions.engines.engine import EngineName, EnginePrecision
from tests.gates import Gate

LARGEST = 5


class GatedEngine:
    """Records each batch, and returns the images' pixels as scores once the gate is open.

    A batch with an image of 99 fails; one of more than max_images raises Overloaded.
    """

    name: EngineName = "torch"
    precision: EnginePrecision = "fp32"
    num_bytes = 7

    def __init__(self, gate: Gate | None = None, *, max_images: int = 100) -> None:
        self.batches: list[list[int]] = []
        self.threads: list[threading.Thread] = []
        self._gate = gate
        self._max_images = max_images

    def run(self, pixels: Tensor) -> Scores:
        images = pixels[:, 0, 0, 0].tolist()
        self.batches.append(images)
        self.threads.append(threading.current_thread())
        if self._gate is not None:
            self._gate()
        if len(images) > self._max_images:
            raise Overloaded("too much")
        if 99 in images:
            raise OSError("broken")
        logits = pixels[:, 0, 0, :1].float()
        return Scores(logits, logits + 0.5)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as callers:
        yield callers


def draw(images: Sequence[int]) -> Tensor:
    """Return images of one pixel each."""
    return torch.tensor(images, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 1, 1)


def run(engine: BatchingEngine, *images: int) -> list[float]:
    scores = engine.run(draw(images))
    assert torch.equal(scores.features, scores.logits + 0.5)
    return [float(logit) for logit in scores.logits[:, 0]]


def queue_up(
    callers: ThreadPoolExecutor, engine: BatchingEngine, *calls: Sequence[int]
) -> list[Future[list[float]]]:
    """Queue calls in this order; the gate blocks the device, so that all wait."""
    futures = []
    for number, images in enumerate(calls, start=1):
        futures.append(callers.submit(run, engine, *images))
        deadline = time.monotonic() + 60
        while engine.num_waiting < number:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    return futures


def occupy(callers: ThreadPoolExecutor, engine: BatchingEngine, gate: Gate) -> Future[list[float]]:
    first = callers.submit(run, engine, 0)
    assert gate.entered.wait(60)
    return first


def test_a_call_runs_alone_while_the_device_is_free() -> None:
    wrapped = GatedEngine()
    engine = BatchingEngine(wrapped, LARGEST)
    assert run(engine, 3, 4) == [3, 4]
    assert run(engine, 5) == [5]
    assert wrapped.batches == [[3, 4], [5]]
    assert (engine.name, engine.precision, engine.num_bytes) == ("torch", "fp32", 7)


def test_waiting_calls_run_together_unsplit_and_in_order(
    callers: ThreadPoolExecutor, gate: Gate
) -> None:
    wrapped = GatedEngine(gate)
    engine = BatchingEngine(wrapped, LARGEST)
    first = occupy(callers, engine, gate)
    calls = [[1, 2], [3, 4], [5, 6], [7], [8], [9, 10, 11, 12, 13], [14]]
    futures = queue_up(callers, engine, *calls)
    gate.opened.set()
    assert [future.result() for future in [first, *futures]] == [[0], *calls]
    assert wrapped.batches == [
        [0],
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10, 11, 12, 13],
        [14],
    ]
    assert len(set(wrapped.threads)) == 1


def test_a_call_larger_than_a_batch_is_split() -> None:
    wrapped = GatedEngine()
    engine = BatchingEngine(wrapped, LARGEST)
    images = list(range(12))
    assert run(engine, *images) == images
    assert sum(wrapped.batches, []) == images  # noqa: RUF017 - three short lists
    assert max(map(len, wrapped.batches)) <= LARGEST


def test_an_error_reaches_the_calls_of_its_batch_only(
    callers: ThreadPoolExecutor, gate: Gate
) -> None:
    engine = BatchingEngine(GatedEngine(gate), LARGEST)
    first = occupy(callers, engine, gate)
    futures = queue_up(callers, engine, [1, 2], [99, 3], [4, 5])
    gate.opened.set()
    assert first.result() == [0]
    for together in futures[:2]:
        with pytest.raises(OSError, match="broken"):
            together.result()
    assert futures[2].result() == [4, 5]
    assert run(engine, 6) == [6]


def test_calls_too_large_together_run_one_by_one(callers: ThreadPoolExecutor, gate: Gate) -> None:
    wrapped = GatedEngine(gate, max_images=2)
    engine = BatchingEngine(wrapped, LARGEST)
    occupy(callers, engine, gate)
    small, large, last = queue_up(callers, engine, [1], [2, 3, 4], [5])
    gate.opened.set()
    assert (small.result(), last.result()) == ([1], [5])
    with pytest.raises(Overloaded):
        large.result()
    assert wrapped.batches == [[0], [1, 2, 3, 4, 5], [1], [2, 3, 4], [5]]


def test_many_callers_get_their_own_scores(callers: ThreadPoolExecutor) -> None:
    wrapped = GatedEngine()
    engine = BatchingEngine(wrapped, LARGEST)
    calls = [[number % 90, number % 7] for number in range(400)]
    assert list(callers.map(lambda images: run(engine, *images), calls)) == calls
    assert max(map(len, wrapped.batches)) <= LARGEST


def test_the_thread_ends_when_the_engine_is_deleted() -> None:
    wrapped = GatedEngine()
    engine = BatchingEngine(wrapped, LARGEST)
    run(engine, 1)
    (thread,) = wrapped.threads
    held, dropped = weakref.ref(wrapped), weakref.ref(engine)
    assert thread.daemon
    assert thread.is_alive()
    del engine, wrapped
    gc.collect()
    assert dropped() is None
    thread.join(60)
    assert not thread.is_alive()
    assert held() is None
