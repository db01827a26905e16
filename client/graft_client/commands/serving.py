"""The model that predicts if a request names none, and its shadow."""

from typing import Annotated

import typer

from graft_client.console import views
from graft_client.console.reporting import refuse
from graft_client.console.session import Session, uses_service

app = typer.Typer()


@app.command()
@uses_service
def use(
    session: Session,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="name, name@alias or name:version; without it the present one is shown.",
        ),
    ] = None,
) -> None:
    """Set or show the model that predicts if a request names none."""
    with session.connect() as graft:
        chosen = graft.serving() if model is None else graft.use(model)
    session.show(chosen, lambda: views.models.serving_parts(chosen))


@app.command()
@uses_service
def shadow(
    session: Session,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="name, name@alias or name:version; without it the present one is shown.",
        ),
    ] = None,
    *,
    fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of the images.")] = 0.1,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the shadow.")] = False,
) -> None:
    """Set, show or remove a model that also predicts, for comparison.

    The shadow predicts a share of the images; its predictions are never returned.
    """
    if remove and model is not None:
        refuse("--remove takes no MODEL; leave out one of the two.")
    with session.connect() as graft:
        if model is None and not remove:
            chosen = graft.serving()
        else:
            chosen = graft.shadow(model, fraction=fraction)
    session.show(chosen, lambda: views.models.serving_parts(chosen))
