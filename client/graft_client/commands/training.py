"""Train a model."""

from typing import Annotated, Any, Literal

import typer

from graft_client.console import views
from graft_client.console.exit_codes import ExitCode
from graft_client.console.finding import find_dataset, find_portfolio
from graft_client.console.options import DatasetName
from graft_client.console.session import Session, uses_service
from graft_client.console.values import read_fields, set_field
from graft_client.console.watching import follow_job

app = typer.Typer()


@app.command()
@uses_service
def train(  # noqa: PLR0913 - the common fields of a job
    session: Session,
    dataset: DatasetName,
    *,
    strategy: Annotated[
        Literal["auto", "feature_extract", "fine_tune", "partial", "scratch"] | None,
        typer.Option(help="Which layers learn; `auto` follows the advice of the service."),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(help="Such as resnet18, or timm:convnext_tiny.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="`pretrained`, the name of published weights, `none`, or a model, as name:version."
        ),
    ] = None,
    time_budget: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Find the best model within these seconds: tries backbones, then fine-tunes the "
            "best where that pays. What is left out of --architecture and --strategy is `auto`.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Number of epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    preset: Annotated[
        Literal["recommended", "tutorial", "tutorial-steplr", "tutorial-inception"] | None,
        typer.Option(help="Gives all fields that are left out.", show_default="recommended"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the same gives the same figures.")] = None,
    model_name: Annotated[
        str | None, typer.Option(help="Name of the model.", show_default="the dataset's name")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other field of the request, such as early_stopping=null or "
            "scheduler.name=cosine: dots lead into objects, values are JSON or text. Repeatable.",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show the epochs until the job has ended.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only show what it would need; a worker runs one batch."),
    ] = False,
) -> None:
    """Train a model on a dataset.

    Fields that are left out have measured defaults.
    """
    request = read_fields(fields, "--set")
    if time_budget is not None:
        strategy, architecture = strategy or "auto", architecture or "auto"
    given = {
        "strategy": strategy,
        "architecture": architecture,
        "weights": weights,
        "time_budget_seconds": time_budget,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer.learning_rate": learning_rate,
        "preset": preset,
        "seed": seed,
        "model_name": model_name,
    }
    for key, value in given.items():
        if value is not None:
            set_field(request, key, value, "--set")
    if dry_run:
        _validate(session, dataset, request)
        return
    with session.connect() as graft:
        job = graft.train(find_dataset(graft, dataset), **request)
        if watch:
            follow_job(graft, job)
        is_shown = watch and not session.as_json
        report = job.report() if is_shown else None
        portfolio = find_portfolio(job) if is_shown else None
    if watch:
        next_step = (
            f"Try it: graft predict photo.jpg --model {job.model.reference if job.model else ''}"
        )
    else:
        next_step = f"Watch it: graft job watch {job.id}"
    session.show(job, lambda: [*views.jobs.job_parts(job, report, portfolio), next_step])


def _validate(session: Session, dataset: str, request: dict[str, Any]) -> None:
    with session.connect() as graft:
        validation = graft.jobs.validate(find_dataset(graft, dataset), **request)
    session.show(validation, lambda: views.jobs.validation_parts(validation))
    if not validation.is_valid:
        raise typer.Exit(ExitCode.REFUSED)
