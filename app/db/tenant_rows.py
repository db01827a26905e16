"""Mixins of the tables whose rows belong to tenants.

`app.db.tenant_filter` lets a session see only the rows of the current tenant.
"""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tenancy import DEFAULT_TENANT, owning_tenant

TENANT = String(63)


class TenantRow:
    """A row of one tenant; a new row belongs to the tenant of the context that creates it."""

    tenant: Mapped[str] = mapped_column(
        TENANT, default=owning_tenant, server_default=DEFAULT_TENANT, sort_order=100
    )

    def __init__(self, **values: Any) -> None:
        # Not when the row is written: a session may be committed in another context.
        super().__init__(**{"tenant": owning_tenant(), **values})


class KeyedByTenant(TenantRow):
    """A row whose key starts with the tenant, so that two tenants may use the same names."""

    tenant: Mapped[str] = mapped_column(
        TENANT,
        primary_key=True,
        default=owning_tenant,
        server_default=DEFAULT_TENANT,
        sort_order=-100,
    )
