"""Connect to the service from the command line; an error is printed as one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:  # importing these takes most of the time that a command may take
    import httpx
    from pydantic import BaseModel

    from graft_client.graft import Graft


@contextmanager
def connected(url: str) -> Iterator["Graft"]:
    """Connect to the service; an error in the block is printed and ends the command with 1."""
    # httpx would import its command line, with rich and pygments: a fifth of the start time
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: not importable
    import httpx  # noqa: PLC0415 - `graft --help` does not need it
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from graft_client.errors import GraftClientError  # noqa: PLC0415 - as above
    from graft_client.graft import Graft  # noqa: PLC0415 - as above

    try:
        with Graft(url) as graft:
            yield graft
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        fail(f"--url is '{url}'; it must be an address like http://127.0.0.1:8000.")
    except httpx.TransportError as error:
        fail(_describe_transport_error(url, error))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"]) or "the answer"
        fail(
            f"{url} returned an answer that this client cannot read ({where}: {first['msg']}). "
            "Check the address, and that client and service have the same version."
        )
    except GraftClientError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")


def print_answer(value: "BaseModel", *, without: set[str] | None = None) -> None:
    """Print a resource as JSON."""
    typer.echo(value.model_dump_json(indent=2, exclude=without))


def fail(message: str) -> NoReturn:
    """Print one line on standard error and end the command with 1."""
    typer.echo(f"graft: {message}", err=True)
    raise typer.Exit(1)


def _describe_transport_error(url: str, error: "httpx.TransportError") -> str:
    import httpx  # noqa: PLC0415 - as above

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        reason = str(error) or "timeout"
        return (
            f"cannot connect to {url} ({reason}). Start the service with `graft up`, or give the "
            "address of a running one with --url."
        )
    if isinstance(error, httpx.TimeoutException):
        return f"{url} did not answer in time. Try again, or look at the log of the service."
    reason = str(error) or type(error).__name__
    return f"the connection to {url} was lost ({reason}). Try again."
