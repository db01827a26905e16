"""The quotas of the tenant."""

import typer

from graft_client.console import views
from graft_client.console.session import Session, uses_service

app = typer.Typer()


@app.command()
@uses_service
def quota(session: Session) -> None:
    """Show what your tenant stores and runs, and what it may."""
    with session.connect() as graft:
        tenant = graft.tenant()
    session.show(tenant, lambda: views.tenants.quota_parts(tenant))
