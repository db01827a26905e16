"""Commands of `graft` that the distribution `graft-server` implements.

The client lists them without importing the server, so that `graft --help` and the client's commands
start fast. The server registers each of them as an entry point.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand

from graft_client.console.exit_codes import ExitCode
from graft_client.console.reporting import fail

ENTRY_POINT_GROUP = "graft.commands"
"""Entry points by the name of a command; each is a Typer application that has this command."""

SERVICE_COMMANDS = {
    "up": "Run the whole service on this machine until Ctrl-C or SIGTERM.",
    "demo": "Start the service, train two models, classify an image, and keep the service running.",
    "api": "Run the API alone.",
    "worker": "Run a worker for some of the queues, one work item per queue at a time.",
    "migrate": "Migrate the database to the newest schema.",
    "admin-key": "Create an API key for an administrator, in the database itself, and print it.",
    "tenants": "List and create tenants, and set their limits.",
    "doctor": "Check what the service needs, and say what to do; exit with 1 if anything is wrong.",
    "backup": "Back up the database and all files, while the service runs.",
    "restore": "Restore a backup into an empty database and storage; the service must not run.",
    "settings": "Print every setting as a table: its variable, default and meaning.",
}
"""Name and help of each command, in the order of the help page."""

RUN_PANEL = "Run the service"


class ServiceCommand(TyperCommand):
    """A command with a name and a help text; running it imports the server."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=SERVICE_COMMANDS[name], rich_help_panel=RUN_PANEL)

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Parse the arguments with the server's command and return its context."""
        name = str(self.name)
        found: list[EntryPoint] = list(entry_points(group=ENTRY_POINT_GROUP, name=name))
        if not found and extra.get("resilient_parsing"):  # a shell completes the command line
            return super().make_context(info_name, args, parent=parent, **extra)
        if not found:
            fail(
                f"`graft {name}` runs the service, which is not installed here: "
                "run `pip install graft-server`.",
                code=ExitCode.FAILED,
            )
        group: Any = typer.main.get_command(found[0].load())
        return group.make_context("graft", [*_options_before(parent), name, *args], **extra)


def _options_before(parent: Any) -> list[str]:
    log_level = parent.params.get("log_level") if parent is not None else None
    return ["--log-level", log_level] if log_level else []
