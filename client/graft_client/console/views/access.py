"""API keys and the audit log as a person sees them."""

import json
from typing import TYPE_CHECKING

from rich.console import RenderableType

from graft_client.console.tables import facts, table
from graft_client.console.text import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_client.schemas.access import ApiKey, AuditEntry, CreatedKey, Member, WhoAmI


def created_key_parts(created: "CreatedKey") -> list[RenderableType]:
    """Return the text of a new key, and what it is for."""
    expires = moment(created.expires_at) if created.expires_at else "never"
    return [
        facts(
            [
                ("id", created.id),
                ("name", created.name),
                ("scopes", ", ".join(created.scopes)),
                ("expires", expires),
            ]
        ),
        "The key is shown only now:",
        created.key,
    ]


def keys_table(keys: "Sequence[ApiKey]") -> RenderableType:
    """Return keys as rows."""
    rows = [
        (
            one.id,
            one.name,
            one.status,
            ", ".join(one.scopes),
            moment(one.last_used_at) if one.last_used_at else None,
            moment(one.expires_at) if one.expires_at else None,
        )
        for one in keys
    ]
    return table(("id", "name", "status", "scopes", "last used", "expires"), rows)


def members_table(members: "Sequence[Member]") -> RenderableType:
    """Return members as rows."""
    rows = [
        (
            one.id,
            one.name,
            one.email,
            f"{one.role} (by the provider)" if one.has_provider_role else one.role,
            "disabled" if one.is_disabled else "active",
            moment(one.last_seen_at),
        )
        for one in members
    ]
    return table(("id", "name", "e-mail", "role", "state", "last sign-in"), rows)


def whoami_parts(found: "WhoAmI") -> list[RenderableType]:
    """Return who sends the requests."""
    return [
        facts(
            [
                ("id", found.id),
                ("name", found.name),
                ("kind", found.kind),
                ("tenant", found.tenant),
                ("scopes", ", ".join(found.scopes)),
                ("access control", "on" if found.access_control else "off"),
            ]
        )
    ]


def audit_table(entries: "Sequence[AuditEntry]") -> RenderableType:
    """Return entries of the audit log as rows."""
    rows = [
        (
            moment(one.created_at),
            one.principal_name,
            one.action,
            one.subject,
            one.address,
            json.dumps(one.details, ensure_ascii=False) if one.details else None,
        )
        for one in entries
    ]
    return table(("time", "who", "action", "what", "from", "details"), rows)
