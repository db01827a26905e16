from contextlib import ExitStack
from functools import partial

import pytest

from app.errors import Overloaded
from app.predictions import body_memory
from app.predictions.body_memory import BodyMemory


def test_a_body_that_does_not_fit_beside_others_is_refused() -> None:
    bodies = BodyMemory(10)
    with bodies.reserve(6), bodies.reserve(4):
        with pytest.raises(Overloaded), bodies.reserve(1):
            pass
        assert bodies.num_bytes == 10
    assert bodies.num_bytes == 0


def test_a_body_above_the_limit_is_accepted_alone() -> None:
    bodies = BodyMemory(10)
    with bodies.reserve(11), pytest.raises(Overloaded), bodies.reserve(1):
        pass
    with bodies.reserve(1), pytest.raises(Overloaded), bodies.reserve(11):
        pass


def test_memory_is_released_after_an_error() -> None:
    bodies = BodyMemory(10)
    with pytest.raises(KeyError), bodies.reserve(10):
        raise KeyError
    with bodies.reserve(10):
        pass


def test_a_body_takes_what_has_arrived_of_it() -> None:
    bodies = BodyMemory(10)
    with bodies.reserve() as first, bodies.reserve() as second:
        first.add(4)
        second.add(6)
        with pytest.raises(Overloaded):
            first.add(1)
        assert bodies.num_bytes == 10
    assert bodies.num_bytes == 0


def test_the_slowest_incomplete_body_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_memory, "PATIENCE_SECONDS", -1)
    bodies = BodyMemory(10)
    evicted: list[str] = []
    with ExitStack() as stack:
        complete, slow, small = (
            stack.enter_context(bodies.reserve(on_evict=partial(evicted.append, name)))
            for name in ("complete", "slow", "small")
        )
        complete.add(5)
        complete.complete()
        slow.add(3)
        small.add(1)
        stack.enter_context(bodies.reserve(4))
        assert evicted == ["slow"]
        with pytest.raises(Overloaded):
            slow.add(1)
        with pytest.raises(Overloaded), bodies.reserve(10):
            pass
        assert bodies.num_bytes <= 10
    assert bodies.num_bytes == 0


def test_the_bodies_of_one_key_take_half() -> None:
    bodies = BodyMemory(10)
    with bodies.reserve(4, owner="a"), bodies.reserve(1, owner="a"):
        with pytest.raises(Overloaded, match="this API key"), bodies.reserve(1, owner="a"):
            pass
        with bodies.reserve(5, owner="b"):
            pass
    with bodies.reserve(9, owner="a"):  # alone it may take more
        pass
    assert not bodies.bytes_by_owner


def test_a_body_that_has_just_begun_is_not_evicted() -> None:
    bodies = BodyMemory(10)
    with bodies.reserve(6, on_evict=lambda: pytest.fail("evicted")):  # noqa: SIM117 - the inner one fails
        with pytest.raises(Overloaded), bodies.reserve(6):
            pass
