"""A tenant's quotas as a person sees them."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from graft_client.console.tables import table, title

if TYPE_CHECKING:
    from graft_client.schemas.tenants import Tenant


def quota_parts(tenant: "Tenant") -> list[RenderableType]:
    """Return what a tenant uses beside what it may use."""
    use, limits = tenant.use, tenant.limits
    rows = [
        ("bytes", use.num_bytes, limits.max_bytes),
        ("unfinished jobs", use.num_unfinished_jobs, limits.max_unfinished_jobs),
        ("running jobs", use.num_running_jobs, limits.max_running_jobs),
        ("requests a second", None, limits.requests_per_second),
    ]
    shown = [(name, used, "no limit" if limit is None else limit) for name, used, limit in rows]
    return [title(f"Tenant {tenant.name}"), table(("", "used", "limit"), shown)]
