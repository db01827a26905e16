"""The transitions between the states of a job."""

from itertools import product
from typing import get_args

import pytest

from app.errors import IllegalTransition
from app.jobs.states import TERMINAL, TRANSITIONS, Status, check_transition

LEGAL = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("running", "queued"),
    ("running", "cancelling"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("cancelling", "cancelled"),
    ("failed", "queued"),
    ("cancelled", "queued"),
}


@pytest.mark.parametrize(("now", "then"), list(product(get_args(Status), repeat=2)))
def test_every_pair_of_states_is_checked(now: Status, then: Status) -> None:
    if (now, then) in LEGAL:
        check_transition(now, then)
    else:
        with pytest.raises(IllegalTransition, match=f"{now} job cannot become {then}"):
            check_transition(now, then)


def test_success_is_final() -> None:
    assert TRANSITIONS["succeeded"] == frozenset()
    assert "succeeded" in TERMINAL
