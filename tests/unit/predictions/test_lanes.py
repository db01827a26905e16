import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from functools import partial

import pytest

from app.errors import ImageCorrupt, Overloaded, Unavailable
from app.predictions.lanes import Lanes
from tests.gates import Gate

Work = Callable[[], str]


def run(works: Sequence[Work]) -> list[str | BaseException]:
    return [attempt(work) for work in works]


def attempt(work: Work) -> str | BaseException:
    try:
        return work()
    except ImageCorrupt as error:
        return error


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def lanes(gate: Gate) -> Iterator[Lanes[Work, str]]:
    """One lane with room for two."""
    lanes = Lanes[Work, str](1, queue_size=2, run=run)
    yield lanes
    gate.opened.set()
    lanes.close()


def note(done: list[str], name: str) -> str:
    done.append(name)
    return name


def block(lanes: Lanes[Work, str], gate: Gate) -> None:
    lanes.submit([gate])
    gate.entered.wait()


def test_work_is_done_in_the_order_of_arrival(lanes: Lanes[Work, str], gate: Gate) -> None:
    block(lanes, gate)
    done: list[str] = []
    futures = lanes.submit([partial(note, done, "a"), partial(note, done, "b")])
    gate.opened.set()
    assert [future.result() for future in futures] == ["a", "b"]
    assert done == ["a", "b"]


def test_items_that_do_not_all_fit_are_refused_together(
    lanes: Lanes[Work, str], gate: Gate
) -> None:
    block(lanes, gate)
    lanes.submit([lambda: "a"])
    with pytest.raises(Overloaded):
        lanes.submit([lambda: "b", lambda: "c"])
    assert lanes.num_waiting == 1
    lanes.submit([lambda: "d"])
    with pytest.raises(Overloaded):
        lanes.require_room()


def test_requests_that_are_received_have_places_in_the_queue(
    lanes: Lanes[Work, str], gate: Gate
) -> None:
    block(lanes, gate)
    with lanes.expecting(), lanes.expecting() as second:
        with pytest.raises(Overloaded), lanes.expecting():
            pass
        second.leave()
        with lanes.expecting():
            lanes.submit([lambda: "a", lambda: "b"])
    with pytest.raises(Overloaded), lanes.expecting():
        pass


def test_a_request_that_arrives_slowly_loses_its_place(
    lanes: Lanes[Work, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with lanes.expecting(), lanes.expecting():
        monkeypatch.setattr("app.predictions.lanes.FRESH_SECONDS", -1)
        with lanes.expecting():
            pass


def test_a_request_is_refused_if_it_would_wait_too_long(gate: Gate) -> None:
    lanes = Lanes[Work, str](1, queue_size=100, run=run, max_wait_seconds=0)
    try:
        with lanes.expecting():  # nothing is known yet
            (done,) = lanes.submit([lambda: "a"])
            done.result()
        with lanes.expecting():  # nothing is before it
            block(lanes, gate)
            lanes.submit([lambda: "b"])
        with pytest.raises(Overloaded, match="too long for the deadline") as refused:
            lanes.expecting().__enter__()
        assert refused.value.retry_after_seconds >= 1
    finally:
        gate.opened.set()
        lanes.close()


def test_cancelled_work_leaves_the_queue_and_is_never_run(
    lanes: Lanes[Work, str], gate: Gate
) -> None:
    block(lanes, gate)
    done: list[str] = []
    futures = lanes.submit([partial(note, done, "a"), partial(note, done, "b")])
    assert futures[0].cancel()
    assert lanes.num_waiting == 1
    gate.opened.set()
    assert futures[1].result() == "b"
    assert done == ["b"]


def test_an_error_fails_only_its_item(lanes: Lanes[Work, str]) -> None:
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

    lanes = Lanes[Work, str](
        2, queue_size=2, run=run, prepare=lambda: prepared.append(threading.current_thread().name)
    )
    futures = lanes.submit([where, where])
    assert sorted(future.result() for future in futures) == sorted(prepared)
    lanes.close()


def test_close_finishes_running_items_and_cancels_waiting_ones(gate: Gate) -> None:
    lanes = Lanes[Work, str](1, queue_size=2, run=run)
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


class TestWithGroups:
    """Items are words; those with the same first letter are of one kind."""

    @pytest.fixture
    def groups(self) -> list[list[str]]:
        return []

    @pytest.fixture
    def words(self, gate: Gate, groups: list[list[str]]) -> Iterator[Lanes[str, str]]:
        """One lane, which the first word blocks at the gate."""

        def answer(words: Sequence[str]) -> list[str | BaseException]:
            if words == ["!"]:
                gate()
            if "explode" in words:
                raise OSError("together")
            groups.append(list(words))
            return [ImageCorrupt(word) if word == "bad" else word.upper() for word in words]

        lanes = Lanes[str, str](
            1, queue_size=20, run=answer, batch_size=3, kind=lambda word: word[0]
        )
        lanes.submit(["!"])
        gate.entered.wait()
        yield lanes
        gate.opened.set()
        lanes.close()

    def test_waiting_items_of_a_kind_run_together(
        self, words: Lanes[str, str], gate: Gate, groups: list[list[str]]
    ) -> None:
        futures = words.submit(["ant", "bee", "ape", "asp", "auk", "bat"])
        gate.opened.set()
        assert [future.result() for future in futures] == [
            *("ANT", "BEE", "APE", "ASP", "AUK", "BAT")
        ]
        assert groups[1:] == [["ant", "ape", "asp"], ["bee", "bat"], ["auk"]]

    def test_a_failed_item_does_not_fail_its_group(
        self, words: Lanes[str, str], gate: Gate
    ) -> None:
        good, bad, other = words.submit(["bug", "bad", "bee"])
        gate.opened.set()
        assert (good.result(), other.result()) == ("BUG", "BEE")
        with pytest.raises(ImageCorrupt):
            bad.result()

    def test_an_error_of_the_run_fails_its_whole_group(
        self, words: Lanes[str, str], gate: Gate
    ) -> None:
        together = words.submit(["egg", "explode"])
        (later,) = words.submit(["fly"])
        gate.opened.set()
        for future in together:
            with pytest.raises(OSError, match="together"):
                future.result()
        assert later.result() == "FLY"

    def test_cancelled_items_do_not_join_a_group(
        self, words: Lanes[str, str], gate: Gate, groups: list[list[str]]
    ) -> None:
        first, second, third = words.submit(["ant", "ape", "asp"])
        second.cancel()
        gate.opened.set()
        assert [first.result(), third.result()] == ["ANT", "ASP"]
        assert groups[1:] == [["ant", "asp"]]


def test_lanes_share_the_waiting_items() -> None:
    both = threading.Barrier(2)
    sizes: list[int] = []

    def answer(words: Sequence[str]) -> list[str | BaseException]:
        both.wait()
        sizes.append(len(words))
        return list(words)

    opened = threading.Event()
    lanes = Lanes[str, str](2, queue_size=4, run=answer, batch_size=4, prepare=opened.wait)  # type: ignore[arg-type] # its result is nobody's
    futures = lanes.submit(["a", "b"])
    opened.set()
    assert [future.result() for future in futures] == ["a", "b"]
    assert sizes == [1, 1]
    lanes.close()
