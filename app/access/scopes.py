"""Scopes, each of which allows some of the routes, and roles, which are named sets of scopes."""

from collections.abc import Iterable
from typing import Literal, get_args

Scope = Literal[
    "datasets:read",
    "datasets:write",
    "jobs:read",
    "jobs:write",
    "models:read",
    "models:write",
    "predict",
    "metrics",
    "admin",
]
Role = Literal["viewer", "trainer", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
ROLES: dict[Role, frozenset[Scope]] = {
    "viewer": frozenset({"datasets:read", "jobs:read", "models:read", "predict"}),
    "trainer": frozenset(
        {
            "datasets:read",
            "datasets:write",
            "jobs:read",
            "jobs:write",
            "models:read",
            "models:write",
            "predict",
        }
    ),
    "admin": frozenset({"admin"}),
}
"""A viewer changes nothing but batch predictions; a trainer changes everything but access."""


def sort_scopes(scopes: Iterable[Scope]) -> list[Scope]:
    """Return scopes in the order of their definition, each once."""
    given = set(scopes)
    return [scope for scope in SCOPES if scope in given]
