"""The commands `graft tenants`, for the operator: they use the database, not the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from app.db.session import Database
from app.settings import get_settings
from app.tenants import service
from app.tenants.service import Limits

app = typer.Typer(no_args_is_help=True, help="List and create tenants, and set their limits.")

Name = Annotated[str, typer.Argument(help="The tenant's name.")]


@contextmanager
def _transaction() -> Iterator[Session]:
    database = Database(get_settings().sqlalchemy_url)
    try:
        with database.transaction() as session:
            yield session
    finally:
        database.close()


@app.command("list")
def list_tenants() -> None:
    """List the tenants with what they use and may use."""
    with _transaction() as session:
        for name in service.list_tenants(session):
            limits = service.get_limits(session, get_settings(), name)
            use = service.get_use(session, name)
            typer.echo(
                f"{name}: {_share(use.num_bytes, limits.max_bytes)} bytes, "
                f"{_share(use.num_unfinished_jobs, limits.max_unfinished_jobs)} unfinished jobs, "
                f"{_share(use.num_running_jobs, limits.max_running_jobs)} running, "
                f"{limits.requests_per_second or 'any number of'} requests a second"
            )


@app.command()
def create(name: Name) -> None:
    """Create a tenant."""
    with _transaction() as session:
        service.create_tenant(session, name)
    typer.echo(f"The tenant {name} is created.")


def _option(text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(min=-1, help=f"{text}; 0: no limit, -1: as set.")
    return option


@app.command("set")
def set_limits(
    name: Name,
    max_bytes: Annotated[
        int | None, _option("Bytes of uploads, models, results and exports")
    ] = None,
    max_unfinished_jobs: Annotated[int | None, _option("Queued and running jobs")] = None,
    max_running_jobs: Annotated[int | None, _option("Running jobs")] = None,
    requests_per_second: Annotated[int | None, _option("Requests a second")] = None,
) -> None:
    """Set some limits of a tenant; -1 returns to the limit of the settings."""
    given = {
        "max_bytes": max_bytes,
        "max_unfinished_jobs": max_unfinished_jobs,
        "max_running_jobs": max_running_jobs,
        "requests_per_second": requests_per_second,
    }
    changes = {
        name: None if value == -1 else value for name, value in given.items() if value is not None
    }
    with _transaction() as session:
        service.set_limits(session, name, changes)
        limits = service.get_limits(session, get_settings(), name)
    typer.echo(f"The limits of {name}: {_describe(limits)}.")


def _describe(limits: Limits) -> str:
    return ", ".join(f"{name} {value or 'none'}" for name, value in asdict(limits).items())


def _share(used: int, limit: int) -> str:
    return f"{used} of {limit}" if limit else str(used)
