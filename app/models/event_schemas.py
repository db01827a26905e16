"""HTTP schemas of the models' event log."""

from typing import Any, Literal

from pydantic import Field

from app.web.schemas import AliasName, ApiModel, Name, UtcTime

EventType = Literal[
    "registered",
    "classes_changed",
    "alias_moved",
    "forced",
    "rolled_back",
    "alias_deleted",
    "promotion_refused",
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
    """One event in a model's log."""

    id: str = Field(
        description="Id of the event; ids sort by time.", examples=["ev_01k0w1rhzemcbybsywa1w8p9"]
    )
    name: Name = Field(description="The model.", examples=["ants-and-bees"])
    type: EventType = Field(description="Type of the change.", examples=["alias_moved"])
    version: int | None = Field(description="The version concerned, if any.", examples=[3])
    alias: AliasName | None = Field(
        description="The alias concerned, if any.", examples=["champion"]
    )
    from_version: int | None = Field(
        description="Previous version of the alias, null for a new alias; of `classes_changed` "
        "the version with the other classes.",
        examples=[2],
    )
    payload: dict[str, Any] = Field(
        description="Further details: a gate, its verdict, the reason for a forced promotion, a "
        "reference, classes that were added and removed.",
        examples=[{"reason": "the old one confuses hornets"}],
    )
    created_at: UtcTime = Field(description="When the change was made.")
