"""Who the current request or piece of work acts for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from app.access.scopes import SCOPES, Scope
from app.db.tenancy import DEFAULT_TENANT, EVERY_TENANT, acting_for

PrincipalKind = Literal["key", "session", "token", "built_in"]


@dataclass(frozen=True)
class Principal:
    """Someone who uses the service: a key, a person's session, or a token of another service.

    id never changes and is unique within the kind; name is for people. `built_in` is everybody
    while access control is off, and the service itself.
    """

    tenant: str
    id: str
    name: str
    kind: PrincipalKind
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Return whether the principal has a scope.

        `admin` implies every scope of its tenant. `metrics` shows the whole service, so `admin`
        implies it in the default tenant only, which is the operator's.
        """
        if scope in self.scopes:
            return True
        return "admin" in self.scopes and (scope != "metrics" or self.tenant == DEFAULT_TENANT)


@dataclass(frozen=True)
class Origin:
    """Where a request comes from: its id, and the address of its connection."""

    request_id: str | None = None
    address: str | None = None


EVERYBODY = Principal(DEFAULT_TENANT, "everybody", "everybody", "built_in", frozenset(SCOPES))
"""Every request while access control is off."""

NOBODY = Principal("", "nobody", "nobody", "built_in", frozenset())
"""Requests for public routes while access control is on; it sees no tenant's rows."""

SERVICE = Principal(EVERY_TENANT, "service", "the service", "built_in", frozenset(SCOPES))
"""Work that no request asks for."""

OPERATOR = Principal(EVERY_TENANT, "operator", "the operator", "built_in", frozenset(SCOPES))
"""Whoever runs commands on the database itself."""

_NO_ORIGIN = Origin()

_principal: ContextVar[Principal] = ContextVar("principal", default=SERVICE)
_origin: ContextVar[Origin] = ContextVar("origin", default=_NO_ORIGIN)


def current_principal() -> Principal:
    """Return the principal of this request; SERVICE outside of requests."""
    return _principal.get()


def current_origin() -> Origin:
    """Return where this request comes from; all fields are None outside of requests."""
    return _origin.get()


@contextmanager
def acting_as(principal: Principal, origin: Origin) -> Iterator[None]:
    """Act for a principal and its tenant while the block runs, its threads included."""
    principal_token, origin_token = _principal.set(principal), _origin.set(origin)
    try:
        with acting_for(principal.tenant):
            yield
    finally:
        _principal.reset(principal_token)
        _origin.reset(origin_token)
