"""The settings of who may do what; a part of `app.settings.Settings`."""

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

RoleName = Literal["viewer", "trainer", "admin"]


class AccessSettings(BaseSettings):
    """Access control, sign-in by an OpenID provider, and quotas of tenants."""

    access_control: bool = Field(
        False, description="Whether requests need an API key; see Control access."
    )
    allow_open_network: bool = Field(
        False,
        description="Whether the API may listen on other addresses than loopback without access "
        "control, so that everybody who reaches it may do everything.",
    )
    public_url: str = Field(
        "",
        description="Address at which browsers reach the service, such as "
        "https://graft.example.org. With https, cookies are only sent encrypted.",
    )
    trusted_hosts: str = Field(
        "",
        description="Names that requests may be for, with commas, such as `graft.example.org`, "
        "`*.example.org` or `*`; loopback, GRAFT_HOST and GRAFT_PUBLIC_URL are.",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may use the API, with commas, such as "
        "https://app.example.org; empty: only its own.",
    )
    session_hours: float = Field(
        12.0, gt=0, le=720, description="Hours after which a person signs in again."
    )
    oidc_issuer: str = Field(
        "", description="OpenID provider at which people sign in; empty: none. See Sign in."
    )
    oidc_client_id: str = Field("", description="Name of this service at the provider.")
    oidc_client_secret: str = Field(
        "", repr=False, description="Secret of this service at the provider, if it has one."
    )
    oidc_audience: str = Field(
        "", description="Audience of bearer tokens for this service; empty: the client id."
    )
    oidc_scope: str = Field(
        "openid profile email", description="Scopes that a sign-in asks the provider for."
    )
    oidc_tenant_claim: str = Field(
        "", description="Claim with the person's tenant; empty: everybody is in `default`."
    )
    oidc_groups_claim: str = Field("groups", description="Claim with the person's groups.")
    oidc_roles: dict[str, RoleName] = Field(
        {}, description='Roles of the provider\'s groups, as JSON: {"ml-team": "trainer"}.'
    )
    oidc_default_role: Literal["", "viewer", "trainer", "admin"] = Field(
        "", description="Role of people without such a group; empty: they may not sign in."
    )
    tenant_max_bytes: int = Field(
        0, ge=0, description="Bytes that a tenant may store; 0 is no limit."
    )
    tenant_max_unfinished_jobs: int = Field(
        0, ge=0, description="Queued and running jobs of a tenant; 0 is no limit."
    )
    tenant_max_running_jobs: int = Field(
        0, ge=0, description="Running jobs of a tenant, others wait; 0 is no limit."
    )
    tenant_requests_per_second: int = Field(
        0, ge=0, description="Requests of a tenant to all API processes; 0 is no limit."
    )

    @field_validator("oidc_issuer", "public_url")
    @classmethod
    def _require_address(cls, url: str) -> str:
        if url and not url.startswith(("https://", "http://")):
            raise ValueError("it must be an address that begins with https:// or http://.")
        return url
