"""The audit log of models on the wire."""

from typing import Any, Literal

from pydantic import Field

from app.web.schemas import AliasName, ApiModel, Name, UtcTime

EventType = Literal[
    "registered",
    "alias_moved",
    "forced",
    "rolled_back",
    "alias_deleted",
    "version_deleted",
    "gate_set",
    "gate_removed",
    "chosen",
    "unchosen",
    "shadow_set",
    "shadow_removed",
    "metadata_set",
]


class RegistryEventDetail(ApiModel):
    """One entry of a model's log."""

    id: str = Field(description="Sorts by time.", examples=["ev_01k0w1rhzemcbybsywa1w8p9"])
    name: Name = Field(description="The model.", examples=["ants-and-bees"])
    type: EventType = Field(description="What was done.", examples=["alias_moved"])
    version: int | None = Field(
        description="The version it was done with; null where it was none.", examples=[3]
    )
    alias: AliasName | None = Field(
        description="The alias; null where it was none.", examples=["champion"]
    )
    from_version: int | None = Field(
        description="Where the alias pointed before; null where it was new.", examples=[2]
    )
    payload: dict[str, Any] = Field(
        description="The rest: a gate, its verdict, the reason of a forced promotion, a reference.",
        examples=[{"reason": "the old one confuses hornets"}],
    )
    created_at: UtcTime = Field(description="When.")
