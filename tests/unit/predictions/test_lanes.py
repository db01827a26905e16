import threading
from collections.abc import Iterator
from concurrent.futures import wait
from functools import partial

import pytest

from app.errors import ImageCorrupt, Overloaded, Unavailable
from app.predictions.lanes import Lanes
from tests.gates import Gate


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def lanes(gate: Gate) -> Iterator[Lanes[str]]:
    """One lane with room for two."""
    lanes = Lanes[str](1, queue_size=2)
    yield lanes
    gate.opened.set()
    lanes.close()


def note(done: list[str], name: str) -> str:
    done.append(name)
    return name


def block(lanes: Lanes[str], gate: Gate) -> None:
    lanes.submit([gate])
    gate.entered.wait()


def test_work_is_done_in_the_order_of_arrival(lanes: Lanes[str], gate: Gate) -> None:
    block(lanes, gate)
    done: list[str] = []
    futures = lanes.submit([partial(note, done, "a"), partial(note, done, "b")])
    gate.opened.set()
    assert [future.result() for future in futures] == ["a", "b"]
    assert done == ["a", "b"]


def test_what_does_not_fit_is_refused_whole(lanes: Lanes[str], gate: Gate) -> None:
    block(lanes, gate)
    lanes.submit([lambda: "a"])
    with pytest.raises(Overloaded):
        lanes.submit([lambda: "b", lambda: "c"])
    assert lanes.num_waiting == 1
    lanes.submit([lambda: "d"])
    with pytest.raises(Overloaded):
        lanes.refuse_when_full()


def test_cancelled_work_leaves_the_queue_and_is_never_run(lanes: Lanes[str], gate: Gate) -> None:
    block(lanes, gate)
    done: list[str] = []
    futures = lanes.submit([partial(note, done, "a"), partial(note, done, "b")])
    assert futures[0].cancel()
    assert lanes.num_waiting == 1
    gate.opened.set()
    assert futures[1].result() == "b"
    assert done == ["b"]


def test_an_error_belongs_to_its_work_alone(lanes: Lanes[str]) -> None:
    def fail() -> str:
        raise ImageCorrupt("truncated")

    failed, done = lanes.submit([fail, lambda: "b"])
    assert done.result() == "b"
    with pytest.raises(ImageCorrupt):
        failed.result()


def test_each_thread_is_prepared_before_its_first_work() -> None:
    prepared: list[str] = []
    both = threading.Barrier(2)

    def where() -> str:
        both.wait()
        return threading.current_thread().name

    lanes = Lanes[str](
        2, queue_size=2, prepare=lambda: prepared.append(threading.current_thread().name)
    )
    futures = lanes.submit([where, where])
    assert sorted(future.result() for future in futures) == sorted(prepared)
    lanes.close()


def test_closing_finishes_what_runs_and_cancels_what_waits(gate: Gate) -> None:
    lanes = Lanes[str](1, queue_size=2)
    (running,) = lanes.submit([gate])
    gate.entered.wait()
    (waiting,) = lanes.submit([lambda: "never"])
    closing = threading.Thread(target=lanes.close)
    closing.start()
    wait([waiting])
    gate.opened.set()
    closing.join()
    assert waiting.cancelled()
    assert running.result() == "through"
    with pytest.raises(Unavailable):
        lanes.submit([lambda: "late"])
