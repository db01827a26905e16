"""Open the dashboard."""

from typing import Annotated

import typer

from graft_client.console.session import Session, uses_service

app = typer.Typer()


@app.command("open")
@uses_service
def open_dashboard(
    session: Session,
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, or only print its address.")
    ] = True,
) -> None:
    """Open the dashboard in the browser, and print its address."""
    with session.connect() as graft:
        graft.connection.get("/livez")
    address = f"{session.url.rstrip('/')}/ui/"
    session.show_values({"dashboard": address}, address)
    if browser:
        import webbrowser  # noqa: PLC0415 - no other command needs it

        webbrowser.open(address)
