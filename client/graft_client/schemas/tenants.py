"""The tenant that the client acts for, and its quotas."""

from graft_client.schemas.base import Schema


class TenantUse(Schema):
    """What a tenant uses now."""

    num_bytes: int
    num_unfinished_jobs: int
    num_running_jobs: int


class TenantLimits(Schema):
    """What a tenant may use; None is no limit."""

    max_bytes: int | None
    max_unfinished_jobs: int | None
    max_running_jobs: int | None
    requests_per_second: int | None


class Tenant(Schema):
    """A tenant, its use and its limits."""

    name: str
    use: TenantUse
    limits: TenantLimits
