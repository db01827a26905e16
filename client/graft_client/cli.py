"""The `graft` command."""

from typing import Annotated, Literal

import typer

from graft_client.commands import app as client_commands
from graft_client.mcp.command import app as mcp_commands
from graft_client.service_commands import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(client_commands)
app.add_typer(mcp_commands)


@app.callback()
def _configure(
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(help="Lowest level that the service logs.", show_default="info"),
    ] = None,
) -> None:
    """Fine-tune and serve image classifiers over HTTP."""


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="graft")


if __name__ == "__main__":
    main()
