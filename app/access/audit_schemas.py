"""HTTP schemas of the audit log."""

from typing import Any, Literal

from pydantic import Field

from app.access.principal import PrincipalKind
from app.web.schemas import ApiModel, UtcTime

AuditFormat = Literal["json", "csv", "jsonl"]


class AuditEntry(ApiModel):
    """One entry of the audit log; entries are never changed."""

    id: str = Field(
        description="Id of the entry; ids sort by time.", examples=["au_01k0w1rhzemcbybsywa1w8p9"]
    )
    created_at: UtcTime = Field(description="When it happened.")
    tenant: str = Field(description="The tenant whose data was changed.", examples=["default"])
    action: str = Field(
        description="What was done: a kind of thing and a verb.", examples=["model.alias_moved"]
    )
    subject: str = Field(
        description="What was changed: an id or a reference.", examples=["ants-and-bees@champion"]
    )
    principal_id: str = Field(
        description="Who did it: the id of a key, session or token.",
        examples=["key_01k0w1rhzemcbybsywa1w8p9"],
    )
    principal_name: str = Field(description="The name of who did it.", examples=["ci"])
    principal_kind: PrincipalKind = Field(
        description="How it was recognized; `built_in` is the service itself, the operator's "
        "command line, or everybody while access control is off.",
        examples=["key"],
    )
    details: dict[str, Any] = Field(
        description="Further facts, by the action.", examples=[{"version": 3, "from_version": 2}]
    )
    request_id: str | None = Field(
        description="Id of the request, if a request did it.", examples=["req_2fb63caa7711ac1b"]
    )
    address: str | None = Field(
        description="Address of the request's connection: behind a proxy, the proxy's.",
        examples=["127.0.0.1"],
    )
