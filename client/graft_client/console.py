"""Connect to the service from the command line; an error is printed as one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:  # importing these takes most of the time that a command may take
    from pydantic import BaseModel

    from graft_client.synchronous.graft import Graft


@contextmanager
def connected(url: str) -> Iterator["Graft"]:
    """Connect to the service; an error in the block is printed and ends the command with 1."""
    # httpx would import its command line, with rich and pygments: a fifth of the start time
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: not importable
    from graft_client.errors import (  # noqa: PLC0415 - `graft --help` does not need httpx
        ConnectionFailed,
        GraftError,
        InvalidAddress,
        UnexpectedAnswer,
    )
    from graft_client.synchronous.graft import Graft  # noqa: PLC0415 - as above

    try:
        with Graft(url) as graft:
            yield graft
    except InvalidAddress:
        fail(f"--url is '{url}'; it must be an address like http://127.0.0.1:8000.")
    except (ConnectionFailed, UnexpectedAnswer) as error:
        fail(error.detail)
    except GraftError as error:
        fail(f"{error.code}: {error.detail}")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")


def print_answer(value: "BaseModel", *, without: set[str] | None = None) -> None:
    """Print a resource as JSON."""
    typer.echo(value.model_dump_json(indent=2, exclude=without))


def fail(message: str) -> NoReturn:
    """Print one line on standard error and end the command with 1."""
    typer.echo(f"graft: {message}", err=True)
    raise typer.Exit(1)
