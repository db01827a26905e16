"""API keys, who sends a request, and the audit log."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from graft_client.schemas.base import Schema


class ApiKey(Schema):
    """An API key, without its secret."""

    id: str
    name: str
    tenant: str
    scopes: list[str]
    status: Literal["active", "expired", "revoked"]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class CreatedKey(ApiKey):
    """A new API key; `key` is the key itself, which the service shows only once."""

    key: str = Field(repr=False)


class Member(Schema):
    """A person who signs in; has_provider_role says that the provider's groups decide the role."""

    id: str
    tenant: str
    name: str
    email: str | None
    role: Literal["viewer", "trainer", "admin"]
    has_provider_role: bool
    is_disabled: bool
    created_at: datetime
    last_seen_at: datetime


class WaysToSignIn(Schema):
    """How people sign in; provider is the host of the OpenID provider, if there is one."""

    access_control: bool
    api_key: bool
    provider: str | None


class WhoAmI(Schema):
    """The sender of a request, and all that it may do."""

    id: str
    name: str
    kind: str
    tenant: str
    scopes: list[str]
    access_control: bool


class AuditEntry(Schema):
    """One entry of the audit log: who did what to what, when and from where."""

    id: str
    created_at: datetime
    tenant: str
    action: str
    subject: str
    principal_id: str
    principal_name: str
    principal_kind: str
    details: dict[str, Any]
    request_id: str | None
    address: str | None
