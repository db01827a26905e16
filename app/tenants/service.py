"""Tenants and their quotas: what each may store, queue, run and request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.tenancy import DEFAULT_TENANT, owning_tenant
from app.db.tenant_table import Tenant
from app.errors import Conflict, InputProblem, NotFound, QuotaExceeded, ValidationFailed
from app.settings import Settings
from app.tenants.repository import QUEUED, RUNNING, TRAIN, TenantRepository

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Limits:
    """The limits of a tenant; 0 is no limit."""

    max_bytes: int
    max_unfinished_jobs: int
    max_running_jobs: int
    requests_per_second: int


@dataclass(frozen=True)
class Use:
    """What a tenant uses now."""

    num_bytes: int
    num_queued_jobs: int
    num_running_jobs: int

    @property
    def num_unfinished_jobs(self) -> int:
        return self.num_queued_jobs + self.num_running_jobs


def list_tenants(session: Session) -> list[str]:
    """Return the names of all tenants, of which `default` is always one."""
    return sorted({DEFAULT_TENANT, *(one.name for one in TenantRepository(session).list_all())})


def has_tenant(session: Session, name: str) -> bool:
    """Return whether a tenant exists; `default` always does."""
    return name == DEFAULT_TENANT or TenantRepository(session).find(name) is not None


def require_tenant(session: Session, name: str) -> None:
    """Raise NotFound for a tenant that has not been created."""
    if not has_tenant(session, name):
        raise NotFound(
            f"There is no tenant '{name}'. Create it with `graft tenants create {name}`."
        )


def create_tenant(session: Session, name: str) -> None:
    """Create a tenant; raises ValidationFailed for a bad name, Conflict for one that exists."""
    if not NAME.fullmatch(name):
        raise ValidationFailed(
            InputProblem(
                ("name",),
                f"`name` is '{name}'; it must be 1 to 40 lower-case letters, digits and '-', the "
                "first a letter or digit.",
            )
        )
    if name in list_tenants(session):
        raise Conflict(f"There is a tenant '{name}' already.")
    session.add(Tenant(name=name))


def set_limits(session: Session, name: str, changes: Mapping[str, int | None]) -> None:
    """Change some limits of a tenant: a number, 0 for no limit, None for the settings' limit.

    Raises NotFound for an unknown tenant.
    """
    require_tenant(session, name)
    row = TenantRepository(session).find(name)
    if row is None:  # `default`, which exists without a row
        row = Tenant(name=name)
        session.add(row)
    for column, value in changes.items():
        setattr(row, column, value)


def get_limits(session: Session, settings: Settings, tenant: str) -> Limits:
    """Return the limits of a tenant: its own, and those of the settings for the rest."""
    return _limits_of(TenantRepository(session).find(tenant), settings)


def get_use(session: Session, tenant: str) -> Use:
    """Return what a tenant uses now."""
    tenants = TenantRepository(session)
    jobs = tenants.count_jobs(tenant)
    return Use(tenants.sum_bytes(tenant), jobs.get(QUEUED, 0), jobs.get(RUNNING, 0))


def require_room(session: Session, settings: Settings, num_bytes: int) -> None:
    """Raise QuotaExceeded if the current tenant may not store so many bytes more."""
    tenant = owning_tenant()
    limit = get_limits(session, settings, tenant).max_bytes
    if limit == 0:
        return
    tenants = TenantRepository(session)
    tenants.serialize(tenant)
    used = tenants.sum_bytes(tenant)
    if used + num_bytes > limit:
        raise QuotaExceeded(
            f"{used} of {limit} bytes are stored, and this needs {num_bytes} more. Delete "
            "datasets, batches or model versions that you no longer need, or ask the operator for "
            "more."
        )


def require_job(session: Session, settings: Settings) -> None:
    """Raise QuotaExceeded if the current tenant may not queue another job, or store its model."""
    tenant = owning_tenant()
    limit = get_limits(session, settings, tenant).max_unfinished_jobs
    if limit:
        tenants = TenantRepository(session)
        tenants.serialize(tenant)
        if sum(tenants.count_jobs(tenant).values()) >= limit:
            raise QuotaExceeded(
                f"{limit} jobs are queued or running, which is the limit. Wait until one has "
                "ended, cancel one, or ask the operator for more."
            )
    require_room(session, settings, 0)


def list_saturated_tenants(session: Session, settings: Settings, queue: str) -> Sequence[str]:
    """Return the tenants that run as many jobs as they may, so that their next one must wait."""
    if queue != TRAIN:
        return []
    tenants = TenantRepository(session)
    own = {one.name: one for one in tenants.list_all()}
    if not settings.tenant_max_running_jobs and not any(
        one.max_running_jobs for one in own.values()
    ):
        return []
    tenants.serialize("*")  # two workers that claim at once must not both find room
    running = tenants.count_running_jobs()
    limits = {one: _limits_of(own.get(one), settings).max_running_jobs for one in running}
    return [one for one, number in running.items() if 0 < limits[one] <= number]


def list_request_rates(session: Session, settings: Settings) -> dict[str, int]:
    """Return the allowed requests per second of each tenant with limits of its own."""
    rows = TenantRepository(session).list_all()
    return {one.name: _limits_of(one, settings).requests_per_second for one in rows}


def _limits_of(row: Tenant | None, settings: Settings) -> Limits:
    own = row or Tenant()

    def choose(limit: int | None, default: int) -> int:
        return default if limit is None else limit

    return Limits(
        max_bytes=choose(own.max_bytes, settings.tenant_max_bytes),
        max_unfinished_jobs=choose(own.max_unfinished_jobs, settings.tenant_max_unfinished_jobs),
        max_running_jobs=choose(own.max_running_jobs, settings.tenant_max_running_jobs),
        requests_per_second=choose(own.requests_per_second, settings.tenant_requests_per_second),
    )
