"""Arguments and options that several commands have."""

from typing import Annotated, Literal

import typer

DatasetName = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="Id, name (of the newest such dataset) or `last`.",
        show_default=False,
    ),
]
JobName = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="Id, its beginning, `last`, or the model's name (its newest job).",
        show_default=False,
    ),
]
ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of a model.")]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="name:version, name@alias, or name for its champion, else its newest version.",
    ),
]
Alias = Annotated[str, typer.Option(help="Name of the alias.")]
Split = Annotated[
    Literal["train", "val", "test"] | None, typer.Option(help="Split of the dataset.")
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Number of rows, newest first.")]
Search = Annotated[
    str | None, typer.Option("--search", "-q", help="Part of a name, or the beginning of an id.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to delete it.")]

CHAMPION = "champion"
DEFAULT_LIMIT = 20
