"""HTTP schemas of API keys and of who sends a request."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from app.access.principal import PrincipalKind
from app.access.scopes import ROLES, Role, Scope, sort_scopes
from app.web.schemas import ApiModel, RequestModel, UtcTime

_KEY_ID = "key_01k0w1rhzemcbybsywa1w8p9"

PrintableName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="A name for people, such as the program that uses the key.",
        examples=["ci"],
    ),
]


class CreateKey(RequestModel):
    """A key to create, with either scopes or a role."""

    name: PrintableName
    scopes: list[Scope] | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="What the key allows. `admin` implies all others within its tenant.",
        examples=[["jobs:read", "jobs:write"]],
    )
    role: Role | None = Field(
        None,
        description="A named set of scopes: `viewer` reads and predicts, `trainer` also changes "
        "datasets, jobs and models, `admin` also manages keys and reads the audit log.",
        examples=["trainer"],
    )
    expires_at: AwareDatetime | None = Field(
        None,
        strict=False,  # JSON has text
        description="When the key stops to be valid, with its time zone; by default never.",
        examples=["2027-11-22T00:00:00Z"],
    )

    @model_validator(mode="after")
    def _require_one(self) -> "CreateKey":
        if (self.scopes is None) == (self.role is None):
            raise ValueError("give either `scopes` or `role`")
        return self

    @property
    def granted(self) -> list[Scope]:
        """The scopes that are asked for, in order."""
        return sort_scopes(self.scopes or (ROLES[self.role] if self.role else ()))


class KeyDetail(ApiModel):
    """An API key, without its secret."""

    id: str = Field(description="The key's id; ids sort by time.", examples=[_KEY_ID])
    name: str = Field(description="Its name for people.", examples=["ci"])
    tenant: str = Field(description="The tenant whose data it reaches.", examples=["default"])
    scopes: list[Scope] = Field(
        description="What it allows.", examples=[["jobs:read", "jobs:write"]]
    )
    status: Literal["active", "expired", "revoked"] = Field(
        description="Only an active key is accepted.", examples=["active"]
    )
    created_by: str = Field(description="Who created it.", examples=[_KEY_ID])
    created_at: UtcTime = Field(description="When it was created.")
    expires_at: UtcTime | None = Field(description="When it expires; null for never.")
    last_used_at: UtcTime | None = Field(
        description="When it was last used, to the minute; null for never."
    )
    revoked_at: UtcTime | None = Field(description="When it was revoked, if it was.")


class CreatedKey(KeyDetail):
    """A new API key with its secret, which is shown only here."""

    key: str = Field(
        description="The key to send as `Authorization: Bearer …`. The service stores only its "
        "hash, so it cannot be shown again.",
        examples=["gk_01k0w1rhzemcbybsywa1w8p9_…"],
    )


class WhoAmI(ApiModel):
    """The sender of the request."""

    id: str = Field(description="Id of the key, session or token.", examples=[_KEY_ID])
    name: str = Field(description="Its name for people.", examples=["ci"])
    kind: PrincipalKind = Field(
        description="How the sender was recognized; `built_in` while access control is off.",
        examples=["key"],
    )
    tenant: str = Field(description="The tenant whose data it reaches.", examples=["default"])
    scopes: list[Scope] = Field(
        description="All that it may do, with what `admin` implies.",
        examples=[["jobs:read", "jobs:write"]],
    )
    access_control: bool = Field(description="Whether access control is on.", examples=[True])


def status_of(
    revoked_at: datetime | None, expires_at: datetime | None, moment: datetime
) -> Literal["active", "expired", "revoked"]:
    """Return the status of a key at a time."""
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= moment else "active"
