"""List, show, watch and control jobs."""

import csv
import shutil
import sys
from enum import StrEnum
from typing import Annotated

import typer

from graft_client.console import views
from graft_client.console.finding import (
    find_dataset,
    find_job,
    find_portfolio,
    find_study,
)
from graft_client.console.options import DEFAULT_LIMIT, JobName, Limit, Search, Yes
from graft_client.console.reporting import refuse
from graft_client.console.session import Session, uses_service
from graft_client.console.values import confirm, read_pairs
from graft_client.console.watching import follow_job

app = typer.Typer()
job_app = typer.Typer(
    no_args_is_help=True, help="Show, watch, plot, stop, cancel, resume or delete a job."
)
app.add_typer(job_app, name="job")


class _Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_POINTS_PER_CHARACTER = 2


@app.command()
@uses_service
def jobs(  # noqa: PLR0913 - the filters of the list
    session: Session,
    *,
    status: Annotated[
        list[_Status] | None,
        typer.Option(help="Only these; repeatable."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    study: Annotated[str | None, typer.Option(help="Only of this study.")] = None,
    model_name: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this pair; repeatable.")
    ] = None,
    search: Search = None,
    limit: Limit = DEFAULT_LIMIT,
) -> None:
    """List jobs, newest first."""
    pairs = read_pairs(metadata, "--metadata")
    with session.connect() as graft:
        found = graft.jobs.list(
            status=[one.value for one in status] if status else None,
            dataset=find_dataset(graft, dataset) if dataset else None,
            study=find_study(graft, study) if study else None,
            model_name=model_name,
            q=search,
            metadata=pairs,
        ).take(limit)
    session.show(found, lambda: [views.jobs.jobs_table(found)])


@job_app.command()
@uses_service
def show(session: Session, job: JobName) -> None:
    """Show a job: its recipe, its progress, and the report once it has succeeded."""
    with session.connect() as graft:
        found = find_job(graft, job)
        has_report = found.status == "succeeded" and not session.as_json
        report = found.report() if has_report else None
        portfolio = None if session.as_json else find_portfolio(found)
    session.show(found, lambda: views.jobs.job_parts(found, report, portfolio))


@job_app.command()
@uses_service
def portfolio(session: Session, job: JobName) -> None:
    """Show what a job with a time budget tried, what it expected, and why it stopped."""
    with session.connect() as graft:
        found = find_job(graft, job).portfolio()
    session.show(found, lambda: views.portfolios.portfolio_parts(found))


@job_app.command()
@uses_service
def watch(session: Session, job: JobName) -> None:
    """Show the epochs of a job as they end, until the job has ended."""
    with session.connect() as graft:
        found = find_job(graft, job)
        follow_job(graft, found)
        report = None if session.as_json else found.report()
        portfolio = None if session.as_json else find_portfolio(found)
    session.show(found, lambda: views.jobs.job_parts(found, report, portfolio))


@job_app.command()
@uses_service
def history(
    session: Session,
    job: JobName,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
) -> None:
    """Show the losses and accuracies of each epoch."""
    if as_csv and session.as_json:
        refuse("--csv and --json exclude each other; give one of them.")
    with session.connect() as graft:
        found = find_job(graft, job)
        rows = found.history()
    if as_csv:
        dicts = rows.to_dicts()
        writer = csv.DictWriter(sys.stdout, fieldnames=list(dicts[0]) if dicts else ["epoch"])
        writer.writeheader()
        writer.writerows(dicts)
    else:
        strengths = found.l2_strengths
        session.show(rows.epochs, lambda: [views.jobs.history_table(rows, strengths)])


@job_app.command()
@uses_service
def plot(
    session: Session,
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="ID...",
            help="A job for its own curves, or several to compare their validation.",
            show_default=False,
        ),
    ],
) -> None:
    """Draw the curves of a job in the terminal."""
    width = shutil.get_terminal_size().columns
    with session.connect() as graft:
        found = [find_job(graft, one) for one in jobs]
        points = _POINTS_PER_CHARACTER * width
        histories = {one.id: one.history(points=max(2, min(points, 2000))) for one in found}
    first = found[0]
    epochs = [epoch for rows in histories.values() for epoch in rows]
    label = "L2 strength no." if first.l2_strengths else "epoch"
    if len(found) == 1:
        session.show(epochs, lambda: views.jobs.job_charts(epochs, width=width, x_label=label))
    else:
        session.show(epochs, lambda: views.jobs.compared_charts(histories, width=width))


@job_app.command()
@uses_service
def stop(session: Session, job: JobName) -> None:
    """Stop a job after this epoch, and register the best epoch's model."""
    with session.connect() as graft:
        found = find_job(graft, job).stop()
    session.show(found, lambda: [f"{found.id} stops after this epoch; it is {found.status}."])


@job_app.command()
@uses_service
def cancel(session: Session, job: JobName) -> None:
    """Cancel a job; no model is registered."""
    with session.connect() as graft:
        found = find_job(graft, job).cancel()
    session.show(found, lambda: [f"{found.id} is {found.status}."])


@job_app.command()
@uses_service
def resume(
    session: Session,
    job: JobName,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show the epochs until the job has ended.")
    ] = False,
) -> None:
    """Queue a failed or cancelled job again; it continues after its last epoch."""
    with session.connect() as graft:
        found = find_job(graft, job).resume()
        if watch:
            follow_job(graft, found)
    session.show(found, lambda: [f"{found.id} is {found.status}."])


@job_app.command()
@uses_service
def delete(session: Session, job: JobName, *, yes: Yes = False) -> None:
    """Delete a job that has ended; its model stays."""
    with session.connect() as graft:
        found = find_job(graft, job)
        confirm(f"Delete the job {found.id} of '{found.config.get('model_name')}'?", yes=yes)
        found.delete()
    session.show(found, lambda: [f"Deleted {found.id}."])
