"""The group of all commands: their order, their modules, and errors in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from graft_client.console.reporting import fail
from graft_client.console.service_commands import SERVICE_COMMANDS, ServiceCommand

USE_PANEL = "Use the service"

CLIENT_COMMANDS = {
    "upload": ("datasets", "Upload images; show what is in the dataset and what is wrong with it."),
    "datasets": ("datasets", "List datasets, newest first."),
    "dataset": ("datasets", "Show or delete a dataset."),
    "advice": ("datasets", "Advise how to train on a dataset, from a worker's measurements."),
    "architectures": ("architectures", "List architectures with their pretrained weights."),
    "train": ("training", "Train a model on a dataset."),
    "jobs": ("jobs", "List jobs, newest first."),
    "job": ("jobs", "Show, watch, plot, stop, cancel, resume or delete a job."),
    "study": ("studies", "Create a study from a file, or show the ranking of one."),
    "studies": ("studies", "List studies, newest first."),
    "predict": ("predict", "Classify images; print a table, CSV or JSON."),
    "models": ("models", "List models by name."),
    "model": ("models", "Show a model with its versions."),
    "promote": ("models", "Point an alias to a version, if the model's gate allows it."),
    "rollback": ("models", "Point an alias to its previous version again."),
    "use": ("serving", "Set or show the model that predicts if a request names none."),
    "gate": ("gates", "Set, show or remove the gate that a champion must pass."),
    "shadow": ("serving", "Set, show or remove a model that also predicts, for comparison."),
    "evaluate": ("versions", "Evaluate a version on a dataset that has its classes."),
    "quantize": ("versions", "Quantize a version to int8, as a new version."),
    "export": ("versions", "Export a version as an archive that runs without the service."),
    "events": ("models", "List what was done to a model, newest first."),
    "keys": ("access", "Create, list or revoke API keys."),
    "members": ("access", "List people who sign in, change their role, or disable them."),
    "whoami": ("access", "Show whose API key this is, and what it may do."),
    "audit": ("access", "List who promoted, deleted or changed what, newest first."),
    "quota": ("quota", "Show what your tenant stores and runs, and what it may."),
    "mcp": ("assistants", "Give assistants and agents the tools to use the service."),
    "open": ("dashboard", "Open the dashboard in the browser, and print its address."),
}
"""Module below `graft_client.commands` and help of each command, in the order of the help page.

A module is imported when one of its commands is run.
"""

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""Base of what Typer raises for a wrong command line; it exports only this subclass."""


class CommandGroup(TyperGroup):
    """The client's own commands, followed by those of the server."""

    _is_listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return [*CLIENT_COMMANDS, *SERVICE_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in SERVICE_COMMANDS:
            return ServiceCommand(cmd_name)
        if cmd_name not in CLIENT_COMMANDS:
            return None
        module_name, text = CLIENT_COMMANDS[cmd_name]
        if self._is_listing:
            return TyperCommand(cmd_name, help=text, rich_help_panel=USE_PANEL)
        module = import_module(f"graft_client.commands.{module_name}")
        command: Any = typer.main.get_group(module.app).get_command(ctx, cmd_name)
        command.rich_help_panel = USE_PANEL
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; an unknown one is an error with similar ones."""
        name = args[0]
        known = self.list_commands(ctx)
        if name in known or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        similar = " or ".join(f"`graft {one}`" for one in get_close_matches(name, known))
        hint = similar and f" Is it {similar}?"
        return ctx.fail(f"There is no command `graft {name}`.{hint}")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with self._listing():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        with self._listing():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _listing(self) -> Iterator[None]:
        """Let `get_command` return names and helps alone, without importing the modules."""
        self._is_listing = True
        try:
            yield
        finally:
            self._is_listing = False

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """Run a command; what is wrong with the command line is printed in one line."""
        options = extra | {"standalone_mode": False}
        try:
            sys.exit(super().main(*arguments, **options) or 0)
        except UsageError as error:
            sys.exit(_report(error))
        except typer.Abort:
            typer.echo("graft: Aborted.", err=True)
            sys.exit(1)


def _report(error: Any) -> int:
    message = error.format_message()
    if message:  # it is empty where the help has been printed instead
        path = error.ctx.command_path if error.ctx else "graft"
        with suppress(typer.Exit):
            fail(f"{message} See `{path} --help`.", code=error.exit_code)
    return int(error.exit_code)
