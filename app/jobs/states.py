"""The states of a job and their transitions.

queued ──claim──▶ running ──best checkpoint registered──▶ succeeded
  │  ▲              │  ├──error, or three attempts without a new epoch──▶ failed
  │  └─lease lost,──┘  └──cancel──▶ cancelling ──child ended──▶ cancelled
  │    crash, drain
  ├──cancel, stop──▶ cancelled
  └──dataset invalid──▶ failed            failed | cancelled ──resume──▶ queued
"""

from typing import Literal, get_args

from app.errors import IllegalTransition

Status = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]

TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})
RESUMABLE: frozenset[Status] = frozenset({"failed", "cancelled"})
UNFINISHED: frozenset[Status] = frozenset(get_args(Status)) - TERMINAL

TRANSITIONS: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"running", "cancelled", "failed"}),
    "running": frozenset({"queued", "cancelling", "succeeded", "failed"}),
    "cancelling": frozenset({"cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset({"queued"}),
    "cancelled": frozenset({"queued"}),
}


def check_transition(now: Status, then: Status) -> None:
    """Raise IllegalTransition unless a job may go from one state to the other."""
    if then not in TRANSITIONS[now]:
        allowed = ", ".join(sorted(TRANSITIONS[now])) or "nothing, because the state is final"
        raise IllegalTransition(f"A {now} job cannot become {then}; it can become {allowed}.")
