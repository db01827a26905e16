"""List the architectures that can be trained."""

from typing import Annotated

import typer

from graft_client.console import views
from graft_client.console.session import Session, uses_service

app = typer.Typer()


@app.command()
@uses_service
def architectures(
    session: Session,
    *,
    search: Annotated[
        str | None,
        typer.Option("--search", "-q", help="Words of a name; also finds timm's architectures."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Number of rows of a search.")] = 50,
) -> None:
    """List architectures with their pretrained weights.

    Without --search these are torchvision's.
    """
    with session.connect() as graft:
        found = graft.architectures(search, limit=limit)
    session.show(found, lambda: [views.architectures.architectures_table(found)])
