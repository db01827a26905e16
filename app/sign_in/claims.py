"""What an OpenID provider's claims mean here: who a person is, in which tenant, with what role."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from app.access.scopes import ROLES, SCOPES, Role, Scope
from app.db.tenancy import DEFAULT_TENANT
from app.errors import Unauthenticated
from app.settings import Settings
from app.tenants.service import NAME

_MAX_NAME = 200
_MAX_EMAIL = 320
_MAX_SUBJECT = 255


@dataclass(frozen=True)
class Person:
    """Someone whom the provider vouches for.

    role is None where no group has one. scopes are those of a token for another service, None for
    a token without any.
    """

    tenant: str
    subject: str
    name: str
    email: str | None
    role: Role | None
    scopes: frozenset[Scope] | None


def read_person(claims: Mapping[str, Any], settings: Settings) -> Person:
    """Return the person of verified claims; raises Unauthenticated for claims that do not fit."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise Unauthenticated("The provider's token has no usable `sub`.", is_invalid=True)
    name = claims.get("name") or claims.get("preferred_username") or claims.get("email") or subject
    email = claims.get("email")
    return Person(
        tenant=_read_tenant(claims, settings.oidc_tenant_claim),
        subject=subject,
        name=str(name)[:_MAX_NAME],
        email=email[:_MAX_EMAIL] if isinstance(email, str) else None,
        role=_read_role(claims, settings),
        scopes=_read_scopes(claims),
    )


def _read_tenant(claims: Mapping[str, Any], claim: str) -> str:
    if not claim:
        return DEFAULT_TENANT
    tenant = claims.get(claim)
    if not isinstance(tenant, str) or not NAME.fullmatch(tenant):
        raise Unauthenticated(
            f"The claim `{claim}` of the provider's token is not the name of a tenant: lower-case "
            "letters, digits and hyphens.",
            is_invalid=True,
        )
    return tenant


def _read_role(claims: Mapping[str, Any], settings: Settings) -> Role | None:
    """Return the strongest role of the person's groups."""
    given = claims.get(settings.oidc_groups_claim)
    groups = {given} if isinstance(given, str) else set(given) if isinstance(given, list) else set()
    roles = {role for group, role in settings.oidc_roles.items() if group in groups}
    return next((role for role in reversed(ROLES) if role in roles), None)


def _read_scopes(claims: Mapping[str, Any]) -> frozenset[Scope] | None:
    """Return the scopes that a token names itself, such as one of a program; None without any."""
    words = claims.get("scope")
    named = {str(word).removeprefix("graft:") for word in str(words or "").split()}
    scopes = frozenset(cast("set[Scope]", named & set(SCOPES)))
    return scopes or None
