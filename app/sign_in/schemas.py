"""HTTP schemas of signing in and of members."""

from pydantic import Field, model_validator

from app.access.scopes import Role
from app.web.schemas import ApiModel, RequestModel, UtcTime

_MEMBER_ID = "mem_01k0w1rhzemcbybsywa1w8p9"


class SignInWays(ApiModel):
    """How a person can sign in."""

    access_control: bool = Field(
        description="Whether requests need a session, a key or a token at all.", examples=[True]
    )
    api_key: bool = Field(description="Whether an API key opens a session.", examples=[True])
    provider: str | None = Field(
        description="Host of the OpenID provider, at which `GET /auth/login` signs a person in; "
        "null without one.",
        examples=["login.example.org"],
    )


class OpenSession(RequestModel):
    """An API key that opens a session."""

    api_key: str = Field(
        min_length=1,
        max_length=200,
        description="The whole key, such as `gk_…`.",
        examples=["gk_01k0w1rhzemcbybsywa1w8p9_…"],
    )


class MemberDetail(ApiModel):
    """A person who has signed in by the OpenID provider."""

    id: str = Field(description="The member's id.", examples=[_MEMBER_ID])
    tenant: str = Field(description="The tenant of the member.", examples=["default"])
    name: str = Field(description="The name that the provider gives.", examples=["Ada Lovelace"])
    email: str | None = Field(
        description="The address that the provider gives.", examples=["ada@example.org"]
    )
    role: Role = Field(description="What the member may do.", examples=["trainer"])
    has_provider_role: bool = Field(
        description="Whether the provider's groups decide the role.", examples=[False]
    )
    is_disabled: bool = Field(
        description="Whether the member is kept from signing in.", examples=[False]
    )
    created_at: UtcTime = Field(description="When the member first signed in.")
    last_seen_at: UtcTime = Field(description="When the member last signed in.")


class ChangeMember(RequestModel):
    """What to change of a member."""

    role: Role | None = Field(None, description="The new role.", examples=["admin"])
    is_disabled: bool | None = Field(
        None,
        description="True ends the member's sessions within 30 s, and keeps them from signing in.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _require_change(self) -> "ChangeMember":
        if self.role is None and self.is_disabled is None:
            raise ValueError("give `role` or `is_disabled`")
        return self
