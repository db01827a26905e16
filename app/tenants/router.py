"""The route of a tenant's quotas."""

from dataclasses import asdict

from fastapi import APIRouter

from app.db.tenancy import owning_tenant
from app.tenants import service
from app.tenants.schemas import TenantLimits, TenantUse, TenantView
from app.web.dependencies import ReadSessionDep, SettingsDep

router = APIRouter(tags=["service"])


@router.get("/tenants/me", summary="Get the tenant, its use and its limits")
def get_own_tenant(session: ReadSessionDep, settings: SettingsDep) -> TenantView:
    """Return the tenant that the request acts for; without access control it is `default`."""
    tenant = owning_tenant()
    limits = service.get_limits(session, settings, tenant)
    use = service.get_use(session, tenant)
    return TenantView(
        name=tenant,
        use=TenantUse(
            num_bytes=use.num_bytes,
            num_unfinished_jobs=use.num_unfinished_jobs,
            num_running_jobs=use.num_running_jobs,
        ),
        limits=TenantLimits(**{name: limit or None for name, limit in asdict(limits).items()}),
    )
