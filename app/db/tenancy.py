"""Whose rows the current request or piece of work sees: the tenant of this context.

Sessions of `app.db.session.Database` read it with every statement (`app.db.tenant_filter`), and
PostgreSQL's policies at the begin of a transaction: within it the tenant may only be narrowed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_TENANT = "default"
"""The tenant of every row while access control is off."""

EVERY_TENANT = "*"
"""Sees the rows of all tenants; for workers, the dispatcher and the operator's commands."""

_tenant: ContextVar[str] = ContextVar("tenant", default=EVERY_TENANT)


def current_tenant() -> str:
    """Return the tenant of this context."""
    return _tenant.get()


def owning_tenant() -> str:
    """Return the tenant to which new rows of this context belong."""
    tenant = _tenant.get()
    return DEFAULT_TENANT if tenant == EVERY_TENANT else tenant


def is_visible(tenant: str) -> bool:
    """Return whether this context may see and write the rows of a tenant."""
    return _tenant.get() in {tenant, EVERY_TENANT}


def file_folder(tenant: str) -> str:
    """Return what the storage keys of a tenant's files start with.

    That of DEFAULT_TENANT is empty, since its files are older than tenants. No two tenants share a
    file, because one could find out by the time of an upload what another has stored.
    """
    return "" if tenant == DEFAULT_TENANT else f"tenants/{tenant}/"


def name_for_operator(tenant: str, text: str) -> str:
    """Return the name of a tenant's thing where those of all tenants stand side by side."""
    return text if tenant == DEFAULT_TENANT else f"{tenant}/{text}"


@contextmanager
def acting_for(tenant: str) -> Iterator[None]:
    """See and write only the rows of a tenant while the block runs."""
    token = _tenant.set(tenant)
    try:
        yield
    finally:
        _tenant.reset(token)
