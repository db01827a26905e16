"""Commands of `graft` that the distribution `graft-server` implements.

The client lists them without importing the server, because `graft --help` and every command that
talks to a service must answer at once. The server registers each of them as an entry point.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

ENTRY_POINT_GROUP = "graft.commands"
"""Entry points by the name of a command; each is a Typer application that has this command."""

SERVICE_COMMANDS = {
    "up": "Run the whole service on this machine until Ctrl-C or SIGTERM.",
    "demo": "Start the service, train on images, classify one, and leave the service running.",
    "api": "Run the API alone.",
    "worker": "Run a worker for one or more queues; it runs one item of each queue at a time.",
    "migrate": "Upgrade the database to the newest schema.",
    "settings": "Print every setting as a table: its variable, default and meaning.",
}
"""Name and help of each command, in the order of the help page."""

RUN_PANEL = "Run the service"


class ServiceCommand(TyperCommand):
    """A command that is known by name and help; running it loads the server."""

    def make_context(
        self,
        info_name: str | None,  # noqa: ARG002 - the server's group gives its own
        args: list[str],
        parent: Any = None,
        **extra: Any,
    ) -> Any:
        """Parse the arguments with the server's command; its context takes this one's place."""
        group = _load_group(str(self.name))
        forwarded = _options_before_command(parent)
        return group.make_context("graft", [*forwarded, str(self.name), *args], **extra)


class CommandGroup(TyperGroup):
    """The client's own commands, followed by those of the server."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *SERVICE_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in SERVICE_COMMANDS:
            return ServiceCommand(
                cmd_name, help=SERVICE_COMMANDS[cmd_name], rich_help_panel=RUN_PANEL
            )
        return super().get_command(ctx, cmd_name)


def _load_group(command: str) -> Any:
    """Load the server's group of commands; ends with one line where it is not installed."""
    found: list[EntryPoint] = list(entry_points(group=ENTRY_POINT_GROUP, name=command))
    if not found:
        typer.echo(
            f"graft: `graft {command}` runs the service, which is not installed here: "
            "run `pip install graft-server`.",
            err=True,
        )
        raise typer.Exit(1)
    return typer.main.get_command(found[0].load())


def _options_before_command(parent: Any) -> list[str]:
    log_level = parent.params.get("log_level") if parent is not None else None
    return ["--log-level", log_level] if log_level else []
