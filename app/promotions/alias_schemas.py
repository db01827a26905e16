"""HTTP schemas of aliases."""

from typing import Self

from pydantic import Field, model_validator

from app.models.schemas import VersionName, VersionNumber
from app.promotions.schemas import GateVerdict
from app.web.schemas import AliasName, RequestModel, UtcTime
from app.web.text import TEXT_PATTERN


class PointAlias(RequestModel):
    """The version that an alias is to point to."""

    version: VersionNumber
    force: bool = Field(
        False, description="Promote without the model's gate. The log records the reason."
    )
    reason: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        pattern=TEXT_PATTERN,
        description="Reason, for the model's log. Required with `force`.",
        examples=["the old one takes hornets for wasps, and the gate's images have none"],
    )

    @model_validator(mode="after")
    def _require_reason(self) -> Self:
        if self.force and self.reason is None:
            raise ValueError("`force` needs a `reason`")
        return self


class AliasDetail(VersionName):
    """An alias: a movable pointer to one version."""

    alias: AliasName = Field(description="Name of the alias.", examples=["champion"])
    updated_at: UtcTime = Field(description="When it was last changed.")
    gate: GateVerdict | None = Field(
        None,
        description="Verdict of the model's gate on this promotion. Null if the gate was not "
        "applied.",
    )
