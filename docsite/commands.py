"""Write the reference of the command line from the commands themselves."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from docsite.schemas import in_cell
from graft_client.cli import app

_OTHER = "Commands"


def write_commands() -> str:
    """Return every command with its arguments and options, as Markdown."""
    group = typer.main.get_command(app)
    context = group.make_context("graft", ["--help"], resilient_parsing=True)
    return "\n\n".join(_write_group(group, context, "graft", level=2)) + "\n"


def _write_group(group: Any, context: Any, prefix: str, *, level: int) -> Iterator[str]:
    panels: dict[str, list[tuple[str, Any]]] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        panel = getattr(command, "rich_help_panel", None)
        panels.setdefault(panel if isinstance(panel, str) else _OTHER, []).append((name, command))
    for panel, commands in panels.items():
        if level == 2:  # noqa: PLR2004 - the headings of the outermost group
            yield f"## {panel}"
        for name, command in commands:
            yield from _write_command(command, context, f"{prefix} {name}", level=level + 1)


def _write_command(command: Any, parent: Any, name: str, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{name}`"
    yield _as_paragraphs(command.help or "")
    if hasattr(command, "list_commands"):
        context = command.context_class(command, info_name=name, parent=parent)
        yield from _write_group(command, context, name, level=level)
        return
    command, context = _load(command, parent, name)
    yield f"```console\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```"
    for kind in ("argument", "option"):
        listed = [one for one in command.params if one.param_type_name == kind]
        records = [one.get_help_record(context) for one in listed if one.name != "help"]
        rows = [f"| `{in_cell(name)}` | {_format(text)} |" for name, text in filter(None, records)]
        if rows:
            yield "\n".join([f"| {kind} | |", "|---|---|", *rows])


def _load(command: Any, parent: Any, name: str) -> tuple[Any, Any]:
    """Return the command and its context; commands of the service are loaded from there."""
    short = name.rpartition(" ")[2]
    context = command.make_context(short, [], parent=parent, resilient_parsing=True)
    if context.command is command:
        return command, context
    loaded = context.command.get_command(context, short)
    return loaded, loaded.make_context(short, [], parent=context, resilient_parsing=True)


def _format(help_text: str) -> str:
    """Return a help text with its notes as code, such as `default: 5`."""
    return re.sub(r"\s*\[([^]]*)\]$", r" (`\1`)", in_cell(help_text))


def _as_paragraphs(text: str) -> str:
    """Return a help text; a single line break in it has no meaning."""
    plain = text.replace("\b", "")
    return "\n\n".join(" ".join(part.split()) for part in plain.split("\n\n"))
