"""Commands of `graft` that run the service."""

import json
import logging
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from app.access.network import require_access_control
from app.errors import GraftError, Unavailable
from app.processes.parent import end_with_parent
from app.settings import Settings, SettingsInvalid, get_settings
from app.settings_text import describe_settings, mask_passwords
from app.telemetry.logs import configure_logging
from app.telemetry.tracing import require_exporter
from app.tenants.commands import app as tenants_app
from graft_client.console.exit_codes import ExitCode


class _Commands(TyperGroup):
    """Commands whose errors are printed as one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (GraftError, SettingsInvalid) as error:
            typer.echo(f"graft: {error}", err=True)
            is_usage = isinstance(error, SettingsInvalid)
            raise typer.Exit(ExitCode.USAGE if is_usage else ExitCode.FAILED) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Fine-tune and serve image classifiers over HTTP.",
)


class _Queue(StrEnum):
    CPU = "cpu"
    PREDICT = "predict"
    TRAIN = "train"


WithParent = Annotated[bool, typer.Option(help="Stop when standard input is closed.", hidden=True)]


app.add_typer(tenants_app, name="tenants")


@app.callback()
def _configure(
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option(help="Lowest level of log records."),
    ] = "info",
) -> None:
    """Fine-tune and serve image classifiers over HTTP."""
    configure_logging(log_level, get_settings().log_format)


@app.command()
def up() -> None:
    """Run the whole service on this machine until Ctrl-C or SIGTERM."""
    from app.processes.summary import describe_addresses, describe_setup  # noqa: PLC0415 - other commands need not wait for it
    from app.standalone import running_service  # noqa: PLC0415 - as above

    settings = get_settings()
    require_access_control(settings)
    require_exporter(settings)
    _interrupt_on_signals()
    typer.echo(describe_setup(settings, list(_Queue)))
    try:
        with running_service(settings, tell=typer.echo) as url:
            typer.echo(f"Graft is ready.\n{describe_addresses(url)}\nPress Ctrl-C to stop.")
            threading.Event().wait()
    except KeyboardInterrupt:
        typer.echo("Graft has stopped.")


@app.command()
def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled images: a zip file or a folder (default: GRAFT_DEMO_DATA)."),
    ] = None,
    once: Annotated[bool, typer.Option(help="End the service when the demo is over.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for images and curves.")] = Path(
        "graft-demo"
    ),
) -> None:
    """Start the service, train two models, classify an image, and keep the service running."""
    from rich.console import Console  # noqa: PLC0415 - other commands need not wait for it

    from app.demo.run import run_demo  # noqa: PLC0415 - as above
    from app.processes.summary import describe_addresses  # noqa: PLC0415 - as above
    from app.standalone import running_service  # noqa: PLC0415 - as above
    from graft_client import GraftError as ClientError  # noqa: PLC0415 - as above

    settings = get_settings()
    require_access_control(settings)
    _interrupt_on_signals()
    console = Console()
    try:
        with running_service(settings, log_level="warning", tell=console.print) as url:
            console.print(f"Graft is ready.\n{describe_addresses(url)}", highlight=False)
            run_demo(url, dataset=data or settings.demo_data, output_dir=output, console=console)
            if not once:
                console.print("The service keeps running; press Ctrl-C to stop.")
                threading.Event().wait()
    except (ClientError, FileNotFoundError) as error:
        typer.echo(f"graft: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("Graft has stopped.")


@app.command()
def api(
    shared_port: Annotated[
        int | None, typer.Option(help="Serve in this process, on a shared port.", hidden=True)
    ] = None,
    with_parent: WithParent = False,
) -> None:
    """Run the API alone."""
    settings = get_settings()
    require_access_control(settings)
    require_exporter(settings)
    if with_parent:
        end_with_parent()
    if shared_port is None:
        _run_api(settings)
    else:
        _serve_shared(settings, shared_port)


def _run_api(settings: Settings) -> None:
    from app.processes.summary import describe_addresses, describe_setup  # noqa: PLC0415 - slow to import, and not always needed
    from app.standalone import running_api  # noqa: PLC0415 - as above

    _interrupt_on_signals()
    level = logging.getLevelName(logging.getLogger().level).lower()
    typer.echo(describe_setup(settings, []))
    if settings.access_control:
        done = subprocess.run([sys.executable, "-m", "app.processes.first_key"], check=False)
        if done.returncode != 0:
            raise Unavailable("The first API key cannot be created; see the error above.")
    with suppress(KeyboardInterrupt), running_api(settings, log_level=level) as url:
        typer.echo(f"The API is ready.\n{describe_addresses(url)}\nPress Ctrl-C to stop.")
        threading.Event().wait()


def _serve_shared(settings: Settings, port: int) -> None:
    from app.main import create_app  # noqa: PLC0415 - slow to import, and not always needed
    from app.processes.api_process import serve  # noqa: PLC0415 - slow to import, and not always needed
    from app.processes.ports import share_port  # noqa: PLC0415 - slow to import, and not always needed

    app = create_app(settings, warms_up_first=settings.api_processes > 1)
    serve(app, [share_port(settings.host, port)], settings)


@app.command()
def worker(
    queue: Annotated[
        list[_Queue],
        typer.Option(
            help="`train` for training jobs, `predict` for batches, evaluations and int8, "
            "`cpu` for uploads, exports and advice; repeat the option for several."
        ),
    ],
    with_parent: WithParent = False,
) -> None:
    """Run a worker for some of the queues, one work item per queue at a time."""
    if with_parent:
        end_with_parent()
    from app.processes.summary import describe_setup  # noqa: PLC0415 - other commands need not wait

    require_exporter(get_settings())
    typer.echo(describe_setup(get_settings(), queue))
    typer.echo("The worker waits for work. Press Ctrl-C to stop.")
    import_module("worker.process").serve_alone(queue)  # by name: `app` does not import `worker`


@app.command()
def migrate(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEMA",
            help="Go back to this schema, such as 0006, and delete what was added since.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Migrate the database to the newest schema."""
    from app.db import migrate as schema  # noqa: PLC0415 - other commands need not wait

    settings = get_settings()
    if to is not None and to not in (known := schema.list_revisions()):
        raise typer.BadParameter(f"'{to}' is not a schema; these are: {', '.join(known)}.")
    url = settings.sqlalchemy_url
    if not settings.database_url:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    before = schema.find_revision(url)
    typer.echo(f"Migrating {mask_passwords(url)} from {before or 'nothing'}.")
    if to is None:
        schema.migrate_database(url)
        typer.echo(f"The database has the newest schema, {schema.find_revision(url)}.")
        return
    if before is None or before < to:
        raise typer.BadParameter(f"The database has the schema {before}, which is not above {to}.")
    schema.downgrade_database(url, to)
    typer.echo(f"The database has the schema {schema.find_revision(url)}.")


@app.command("admin-key")
def create_admin_key(
    name: Annotated[str, typer.Option(help="A name for people.")] = "admin",
    tenant: Annotated[str, typer.Option(help="The tenant that it administers.")] = "default",
) -> None:
    """Create an API key for an administrator, in the database itself, and print it."""
    from app.access.local_keys import create_local_admin_key  # noqa: PLC0415 - other commands need not wait

    typer.echo(create_local_admin_key(get_settings(), name=name, tenant=tenant))
    typer.echo("It is not shown again. Use it as GRAFT_API_KEY.", err=True)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Check what the service needs, and say what to do; exit with 1 if anything is wrong."""
    from app.doctor.run import run_checks  # noqa: PLC0415 - other commands need not wait

    findings = []
    for name, finding in run_checks(get_settings()):
        findings.append({"check": name} | asdict(finding))
        if not as_json:
            typer.echo(f"{finding.status:<8} {name:<11} {finding.found}")
        if not as_json and finding.advice:
            typer.echo(f"{'':<20} {finding.advice}")
    if as_json:
        typer.echo(json.dumps(findings, indent=2))
    if any(finding["status"] == "error" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(help="A new folder, or a new file whose name ends in .tar.")
    ],
) -> None:
    """Back up the database and all files, while the service runs."""
    from app.backup.create import back_up  # noqa: PLC0415 - other commands need not wait
    from app.backup.summary import describe_backup  # noqa: PLC0415 - as above

    manifest = back_up(get_settings(), target)
    typer.echo(f"{target} has {describe_backup(manifest)}.")
    for key in manifest.missing:
        typer.echo(f"graft: warning: the storage has no {key}, to which rows refer", err=True)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A backup: a folder or a .tar file.")],
    check: Annotated[
        bool, typer.Option(help="Compare all files with their digests, and restore nothing.")
    ] = False,
) -> None:
    """Restore a backup into an empty database and storage; the service must not run."""
    from app.backup import restore as restoring  # noqa: PLC0415 - other commands need not wait
    from app.backup.summary import describe_backup  # noqa: PLC0415 - as above

    if check:
        manifest = restoring.check_backup(source)
        typer.echo(f"{source} is intact: {describe_backup(manifest)}.")
        return
    manifest = restoring.restore(get_settings(), source)
    typer.echo(f"Restored {describe_backup(manifest)}. Start the service with `graft up`.")


@app.command()
def settings() -> None:
    """Print every setting as a table: its variable, default and meaning."""
    typer.echo(describe_settings())


def _interrupt_on_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run a command of the service; `graft` does it through the entry points `graft.commands`."""
    app(prog_name="graft")


if __name__ == "__main__":
    main()
