"""List and show models, and move their aliases."""

from typing import Annotated

import typer

from graft_client.console import views
from graft_client.console.finding import find_version
from graft_client.console.options import CHAMPION, DEFAULT_LIMIT, Alias, Limit, ModelName
from graft_client.console.reporting import refuse
from graft_client.console.session import Session, uses_service

app = typer.Typer()
model_app = typer.Typer(no_args_is_help=True, help="Show a model with its versions.")
app.add_typer(model_app, name="model")


@app.command()
@uses_service
def models(
    session: Session,
    *,
    search: Annotated[str | None, typer.Option("--search", "-q", help="Part of a name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 100,
) -> None:
    """List models by name."""
    with session.connect() as graft:
        found = graft.models.list(q=search).take(limit)
    session.show(found, lambda: [views.models.models_table(found)])


@model_app.command()
@uses_service
def show(session: Session, name: ModelName) -> None:
    """Show a model with its versions, newest first."""
    with session.connect() as graft:
        found = graft.models.get(name)
    session.show(found, lambda: views.models.model_parts(found, found.versions))


@app.command()
@uses_service
def promote(
    session: Session,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="name:version, name@alias, or name for its newest version.",
            show_default=False,
        ),
    ],
    version: Annotated[
        int | None,
        typer.Argument(min=1, help="Number of the version, if it is not part of MODEL."),
    ] = None,
    *,
    alias: Alias = CHAMPION,
    force_because: Annotated[
        str | None, typer.Option(metavar="REASON", help="Skip the gate; the reason is recorded.")
    ] = None,
) -> None:
    """Point an alias to a version, if the model's gate allows it."""
    is_name = not set(":@") & set(model)
    if version is not None and not is_name:
        refuse(f"MODEL is '{model}', which names a version; leave out {version}.")
    with session.connect() as graft:
        if is_name:
            moved = graft.model(model).promote(version, alias, force_because=force_because)
        else:
            moved = find_version(graft, model).promote(alias, force_because=force_because)
    session.show(moved, lambda: views.models.alias_parts(moved))


@app.command()
@uses_service
def rollback(session: Session, name: ModelName, *, alias: Alias = CHAMPION) -> None:
    """Point an alias to its previous version again."""
    with session.connect() as graft:
        moved = graft.model(name).rollback(alias)
    session.show(moved, lambda: views.models.alias_parts(moved))


@app.command()
@uses_service
def events(session: Session, name: ModelName, *, limit: Limit = DEFAULT_LIMIT) -> None:
    """List what was done to a model, newest first."""
    with session.connect() as graft:
        found = graft.model(name).events().take(limit)
    session.show(found, lambda: [views.models.events_table(found)])
