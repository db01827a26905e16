"""HTTP schemas of a tenant and its quotas."""

from pydantic import Field

from app.web.schemas import ApiModel


class TenantUse(ApiModel):
    """What a tenant uses now."""

    num_bytes: int = Field(
        ge=0,
        description="Bytes of its uploads, model versions, results of batches, and exports.",
        examples=[47_286_322],
    )
    num_unfinished_jobs: int = Field(ge=0, description="Its queued and running jobs.", examples=[3])
    num_running_jobs: int = Field(ge=0, description="Its running jobs.", examples=[1])


class TenantLimits(ApiModel):
    """What a tenant may use; null is no limit."""

    max_bytes: int | None = Field(
        description="Bytes that it may store; more are refused with `QUOTA_EXCEEDED`.",
        examples=[107_374_182_400],
    )
    max_unfinished_jobs: int | None = Field(
        description="Jobs that it may have queued and running; more are refused with "
        "`QUOTA_EXCEEDED`.",
        examples=[100],
    )
    max_running_jobs: int | None = Field(
        description="Jobs that it may have running; further ones stay queued.", examples=[2]
    )
    requests_per_second: int | None = Field(
        description="Requests that it may send to all processes of the API; more are refused with "
        "`RATE_LIMITED`.",
        examples=[50],
    )


class TenantView(ApiModel):
    """A tenant, its use and its limits."""

    name: str = Field(description="The tenant's name.", examples=["default"])
    use: TenantUse
    limits: TenantLimits
