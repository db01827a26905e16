"""One run of a command: where the service is, and in which form the result is printed."""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from graft_client.address import LOCAL, find_refusal
from graft_client.console.reporting import report
from graft_client.errors import GraftError, cannot_connect

if TYPE_CHECKING:  # importing these takes most of the time that a command may take
    from pydantic import BaseModel
    from rich.console import RenderableType

    from graft_client.synchronous.graft import Graft

Url = Annotated[str, typer.Option("--url", envvar="GRAFT_URL", help="Address of the service.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

ArgumentsT = ParamSpec("ArgumentsT")


@dataclass(frozen=True)
class Session:
    """The options that every command has which uses the service."""

    url: str
    as_json: bool

    @contextmanager
    def connect(self) -> Iterator["Graft"]:
        """Connect to the service; raises ConnectionFailed at once if nothing listens there."""
        refusal = find_refusal(self.url)
        if refusal is not None:
            raise cannot_connect(self.url, refusal)
        # httpx would import its command line, with rich and pygments: a fifth of the start time
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # not importable
        from graft_client.synchronous.graft import Graft  # noqa: PLC0415 - help does without

        with Graft(self.url) as graft:
            yield graft

    def show(
        self,
        answer: "BaseModel | Sequence[BaseModel]",
        draw: Callable[[], "Sequence[RenderableType]"],
    ) -> None:
        """Print an answer as JSON, or as `draw` shows it to a person."""
        if self.as_json:
            typer.echo(to_json(answer))
        else:
            print_parts(draw())

    def show_values(self, values: Mapping[str, str], text: str) -> None:
        """Print the values as a JSON object, or a line of text."""
        typer.echo(json.dumps(values, indent=2, ensure_ascii=False) if self.as_json else text)


def to_json(answer: "BaseModel | Sequence[BaseModel]") -> str:
    """Return an answer of the service as JSON; a list as an array."""
    if not isinstance(answer, Sequence):
        return answer.model_dump_json(indent=2)
    return "[" + ",\n".join(one.model_dump_json(indent=2) for one in answer) + "]"


def print_parts(parts: "Sequence[RenderableType]") -> None:
    """Print tables and texts on standard output, as wide as they are where it is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - JSON does without

    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 240)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


def uses_service(
    function: Callable[Concatenate[Session, ArgumentsT], None],
) -> Callable[..., None]:
    """Make a command of a function: it has `--url` and `--json`, and errors end it with a code."""
    signature = inspect.signature(function)
    parameters = [
        *list(signature.parameters.values())[1:],
        inspect.Parameter("url", inspect.Parameter.KEYWORD_ONLY, default=LOCAL, annotation=Url),
        inspect.Parameter(
            "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson
        ),
    ]

    @wraps(function)
    def command(*, url: str, as_json: bool, **values: Any) -> None:
        try:
            function(Session(url, as_json), **values)  # type: ignore[call-arg]  # Typer has these
        except BrokenPipeError:
            raise
        except (GraftError, OSError) as error:
            report(error)

    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command
