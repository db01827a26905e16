"""The `graft` command."""

from typing import Annotated, Literal

import typer

from graft_client.console.group import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 success, 1 the work failed, 2 wrong use, 3 no service at the address, "
    "4 the service refused the request, 5 the service failed, 130 interrupted.",
)


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
