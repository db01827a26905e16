"""Aliases on the wire."""

from typing import Self

from pydantic import Field, model_validator

from app.models.schemas import VersionName, VersionNumber
from app.promotions.schemas import GateVerdict
from app.web.schemas import AliasName, ApiModel, UtcTime


class PointAlias(ApiModel):
    """Where an alias shall point."""

    version: VersionNumber
    force: bool = Field(
        False, description="Promote past the model's gate; recorded with the reason."
    )
    reason: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00]*$",  # PostgreSQL keeps no such character
        description="Why, for the model's log; required with `force`.",
        examples=["the old one takes hornets for wasps, and the gate's images have none"],
    )

    @model_validator(mode="after")
    def _require_reason(self) -> Self:
        if self.force and self.reason is None:
            raise ValueError("`force` needs a `reason`")
        return self


class AliasDetail(VersionName):
    """A movable pointer to one version."""

    alias: AliasName = Field(description="Name of the alias.", examples=["champion"])
    updated_at: UtcTime = Field(description="When it was last moved.")
    gate: GateVerdict | None = Field(
        None, description="What the model's gate said of this move; null where it was not asked."
    )
