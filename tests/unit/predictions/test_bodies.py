import pytest

from app.errors import Overloaded
from app.predictions.bodies import Bodies


def test_what_does_not_fit_beside_others_is_refused() -> None:
    bodies = Bodies(10)
    with bodies.hold(6), bodies.hold(4):
        with pytest.raises(Overloaded), bodies.hold(1):
            pass
        assert bodies.num_bytes == 10
    assert bodies.num_bytes == 0


def test_a_body_larger_than_all_the_room_is_taken_alone() -> None:
    bodies = Bodies(10)
    with bodies.hold(11), pytest.raises(Overloaded), bodies.hold(1):
        pass
    with bodies.hold(1), pytest.raises(Overloaded), bodies.hold(11):
        pass


def test_room_is_given_back_after_a_failure() -> None:
    bodies = Bodies(10)
    with pytest.raises(KeyError), bodies.hold(10):
        raise KeyError
    with bodies.hold(10):
        pass
