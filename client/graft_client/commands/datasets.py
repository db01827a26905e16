"""Upload, list, show and delete datasets; get advice."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from graft_client.console import views
from graft_client.console.finding import find_dataset
from graft_client.console.options import DEFAULT_LIMIT, DatasetName, Limit, Search, Yes
from graft_client.console.session import Session, uses_service
from graft_client.console.values import confirm, read_pairs
from graft_client.console.watching import follow_ingestion, says_how_to_resume

app = typer.Typer()
dataset_app = typer.Typer(no_args_is_help=True, help="Show or delete a dataset.")
app.add_typer(dataset_app, name="dataset")


@app.command()
@uses_service
def upload(  # noqa: PLR0913 - the fields of an upload
    session: Session,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|ARCHIVE",
            help="A folder with a folder of images for each class, or such folders below `train` "
            "and `val`; or an archive of it (zip, tar, tar.gz, tar.zst).",
            show_default=False,
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset.", show_default="the source's")
    ] = None,
    val_fraction: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of images for validation, if there is no `val`."),
    ] = None,
    split_seed: Annotated[int | None, typer.Option(help="Seed of that split.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A pair of metadata; repeatable.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the images have been checked.")
    ] = True,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--no-resume",
            help="Continue an interrupted upload of the same, unchanged files (above 64 MiB).",
        ),
    ] = True,
) -> None:
    """Upload images; show what is in the dataset and what is wrong with it.

    A folder is packed while it is sent. Run an interrupted command again to continue its upload.
    """
    pairs = read_pairs(metadata, "--metadata")
    with session.connect() as graft:
        with says_how_to_resume(graft, source):
            dataset = graft.datasets.upload(
                source,
                name=name,
                val_fraction=val_fraction,
                split_seed=split_seed,
                metadata=pairs,
                resume=resume,
            )
        if wait:
            follow_ingestion(graft, dataset)
    next_step = f"Train on it: graft train {dataset.id} --watch"
    session.show(dataset, lambda: [*views.datasets.dataset_parts(dataset), next_step])


@app.command()
@uses_service
def datasets(
    session: Session,
    *,
    search: Search = None,
    status: Annotated[
        Literal["ingesting", "ready", "invalid"] | None, typer.Option(help="Only these.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> None:
    """List datasets, newest first."""
    with session.connect() as graft:
        found = graft.datasets.list(q=search, status=status).take(limit)
    session.show(found, lambda: [views.datasets.datasets_table(found)])


@dataset_app.command()
@uses_service
def show(session: Session, dataset: DatasetName) -> None:
    """Show what is in a dataset, and what is wrong with it."""
    with session.connect() as graft:
        found = find_dataset(graft, dataset)
    session.show(found, lambda: views.datasets.dataset_parts(found))


@dataset_app.command()
@uses_service
def delete(session: Session, dataset: DatasetName, *, yes: Yes = False) -> None:
    """Delete a dataset and its images; models that were trained on it stay."""
    with session.connect() as graft:
        found = find_dataset(graft, dataset)
        confirm(f"Delete the dataset '{found.name}' ({found.id})?", yes=yes)
        found.delete()
    session.show(found, lambda: [f"Deleted {found.id}."])


@app.command()
@uses_service
def advice(
    session: Session,
    dataset: DatasetName,
    *,
    architecture: Annotated[str, typer.Option(help="Architecture to measure with.")] = "resnet18",
) -> None:
    """Advise how to train on a dataset, from a worker's measurements."""
    with session.connect() as graft:
        answer = find_dataset(graft, dataset).advice(architecture=architecture)
    session.show(answer, lambda: views.datasets.advice_parts(answer, dataset))
