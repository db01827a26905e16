"""Print errors in one or two lines."""

from typing import NoReturn

import typer

from graft_client.console.exit_codes import ExitCode, exit_code_of
from graft_client.console.text import one_line
from graft_client.errors import ApiError, GraftError, InvalidAddress, ServiceError

_MAX_ALLOWED = 20


def report(error: GraftError | OSError) -> NoReturn:
    """Print an error of the client, and end the command with its exit code."""
    fail(*_describe(error), code=exit_code_of(error))


def fail(message: str, *more: str, code: ExitCode) -> NoReturn:
    """Print an error on standard error, and end the command with a code."""
    typer.echo(f"graft: {one_line(message)}", err=True)
    for line in more:
        typer.echo(f"  {one_line(line)}", err=True)
    raise typer.Exit(code)


def refuse(message: str) -> NoReturn:
    """Print that the command line is wrong, and end the command."""
    fail(message, code=ExitCode.USAGE)


def note(message: str) -> None:
    """Print a remark on standard error, where it is no part of the output."""
    typer.echo(message, err=True)


def _describe(error: GraftError | OSError) -> list[str]:
    if isinstance(error, OSError):
        return [f"{error.filename}: {error.strerror}." if error.filename else f"{error}."]
    if isinstance(error, InvalidAddress):
        return [f"{error.detail} Correct --url or the variable GRAFT_URL."]
    lines = [f"{error.code}: {error.detail}"]
    if isinstance(error, ApiError):
        lines += [
            f"Allowed for {one.field or 'the body'}: {', '.join(one.allowed[:_MAX_ALLOWED])}"
            for one in error.errors
            if one.allowed and not all(value in error.detail for value in one.allowed)
        ][:1]
    if isinstance(error, ServiceError) and error.request_id:
        lines.append(f"The log of the service has the details of request {error.request_id}.")
    return lines
