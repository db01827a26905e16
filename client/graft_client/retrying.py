"""Decide whether a request is sent again, and after how long."""

import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

RETRIED_STATUSES = frozenset({429, 502, 503})
DEFAULT_RETRIES = 3
MAX_PAUSE_SECONDS = 60.0
"""A `Retry-After` beyond this is not waited for: the answer is raised as an error instead."""

FIRST_PAUSE_SECONDS = 0.5
_SAFE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


def is_repeatable(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether sending a request twice has the effect of sending it once."""
    return method in _SAFE_METHODS or "Idempotency-Key" in headers


def pause_before(attempt: int) -> float:
    """Return the seconds before attempt 1, 2, …: doubled each time, between half and all of it."""
    pause = FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1)
    return float(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads clients, hides nothing


def read_retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which may be a number or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None
