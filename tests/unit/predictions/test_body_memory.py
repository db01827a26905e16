import pytest

from app.errors import Overloaded
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
