"""The command line's part that speaks to a running service; answers are printed as JSON."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer
from pydantic import BaseModel

from client.errors import GraftClientError
from client.graft import Graft

app = typer.Typer()

Url = Annotated[str, typer.Option(help="Where the service answers.")]
Name = Annotated[str, typer.Argument(help="Name of a model.")]
Version = Annotated[int, typer.Argument(min=1, help="Number of a version.")]
Alias = Annotated[str, typer.Option(help="Which pointer to move.")]
Reference = Annotated[
    str | None, typer.Option("--model", help="name, name@alias or name:version; else the chosen.")
]
TopK = Annotated[int, typer.Option(min=1, help="How many of the most probable classes.")]
Coverage = Annotated[
    float | None,
    typer.Option(min=0.5, max=0.999, help="A set of labels that is right for this share."),
]
Logits = Annotated[bool, typer.Option(help="Raw logits, too.")]
Split = Annotated[
    Literal["train", "val", "test"] | None, typer.Option(help="Which images of the dataset.")
]

LOCAL = "http://127.0.0.1:8000"
CHAMPION = "champion"


@app.command()
def predict(  # noqa: PLR0913 - the options are its arguments
    image: Annotated[Path, typer.Argument(help="An image file.")],
    *,
    model: Reference = None,
    top_k: TopK = 5,
    coverage: Coverage = None,
    logits: Logits = False,
    explain: Annotated[
        Path | None, typer.Option(help="Save where the label was seen as this PNG.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Say what an image shows."""
    with _connected(url) as graft:
        told = graft.predict(
            image,
            model=model,
            top_k=top_k,
            coverage=coverage,
            logits=logits,
            explain=explain is not None,
        )
    if explain is not None and told.explanation is not None:
        explain.write_bytes(b64decode(told.explanation.heatmap_png))
    _print(told, without={"explanation"})


@app.command()
def predict_many(  # noqa: PLR0913 - the options are its arguments
    source: Annotated[
        str, typer.Argument(help="A folder or archive of images, or the id of a dataset.")
    ],
    *,
    output: Annotated[
        Path, typer.Option(help="Where the results go; a name in .csv asks for CSV.")
    ] = Path("results.jsonl"),
    split: Split = None,
    model: Reference = None,
    top_k: TopK = 5,
    coverage: Coverage = None,
    logits: Logits = False,
    url: Url = LOCAL,
) -> None:
    """Let a worker predict many images, wait for it, and save what it says."""
    options = {"model": model, "top_k": top_k, "coverage": coverage, "logits": logits}
    with _connected(url) as graft:
        if source.startswith("ds_") and not Path(source).exists():
            batch = graft.predict_dataset(source, split=split, **options)
        elif split is None:
            batch = graft.predict_archive(Path(source), **options)
        else:
            raise typer.BadParameter("only a dataset has splits", param_hint="--split")
        for seen in graft.follow_batch(batch.id):
            progress = seen.progress
            typer.echo(f"{progress.stage}: {progress.done} of {progress.total}", err=True)
        done = graft.wait_for_batch(batch.id)
        is_csv = output.suffix.lower() == ".csv"
        graft.save_results(batch.id, output, format="csv" if is_csv else "jsonl")
    _print(done)


@app.command()
def evaluate(
    name: Name,
    version: Version,
    dataset: Annotated[str, typer.Argument(help="Id of a dataset.")],
    *,
    split: Split = None,
    url: Url = LOCAL,
) -> None:
    """Say what a version is worth on a dataset."""
    with _connected(url) as graft:
        _print(graft.evaluate_version(name, version, dataset, split=split))


@app.command()
def quantize(
    name: Name,
    version: Version,
    dataset: Annotated[str, typer.Argument(help="Id of a dataset with the model's classes.")],
    *,
    url: Url = LOCAL,
) -> None:
    """Round a version to int8, as a version of its own."""
    with _connected(url) as graft:
        _print(graft.quantize_version(name, version, dataset))


@app.command()
def gate(  # noqa: PLR0913 - the options are its arguments
    name: Name,
    dataset: Annotated[str, typer.Argument(help="Id of the dataset whose images decide.")],
    *,
    split: Split = None,
    max_class_drop: Annotated[float, typer.Option(min=0, max=1, help="Of any class.")] = 0.05,
    require: Annotated[
        Literal["not_worse", "better"], typer.Option(help="Than the champion.")
    ] = "not_worse",
    url: Url = LOCAL,
) -> None:
    """Let only versions become champion that compare well with it."""
    rule = {"max_class_drop": max_class_drop, "require": require}
    with _connected(url) as graft:
        _print(graft.set_gate(name, dataset, **rule, **({"split": split} if split else {})))


@app.command()
def promote(
    name: Name,
    version: Version,
    *,
    alias: Alias = CHAMPION,
    force_because: Annotated[
        str | None, typer.Option(help="Go past the gate; the reason is recorded.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Point an alias to a version, as far as the model's gate allows."""
    with _connected(url) as graft:
        _print(graft.promote(name, version, alias=alias, force_because=force_because))


@app.command()
def rollback(name: Name, *, alias: Alias = CHAMPION, url: Url = LOCAL) -> None:
    """Let an alias point to where it pointed before."""
    with _connected(url) as graft:
        _print(graft.roll_back(name, alias=alias))


@app.command()
def events(
    name: Name,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    url: Url = LOCAL,
) -> None:
    """Say what was done to a model, newest first, one event a line."""
    with _connected(url) as graft:
        for event in graft.list_model_events(name, limit=limit):
            typer.echo(event.model_dump_json())


@app.command()
def shadow(
    reference: Annotated[str | None, typer.Argument(help="A model; none ends it.")] = None,
    *,
    fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of the images.")] = 0.1,
    url: Url = LOCAL,
) -> None:
    """Show another model a share of the images that the chosen one answers."""
    with _connected(url) as graft:
        _print(graft.shadow_model(reference, fraction=fraction))


@app.command()
def export(
    name: Name,
    version: Version,
    output: Annotated[Path, typer.Argument(help="Where the archive goes.")],
    *,
    format: Annotated[  # noqa: A002 - the service's name
        Literal["safetensors", "onnx", "torch_export", "openvino"],
        typer.Option(help="What the model becomes."),
    ] = "onnx",
    url: Url = LOCAL,
) -> None:
    """Save a version as an archive that needs nothing of the service."""
    with _connected(url) as graft:
        graft.save_export(name, version, output, format=format)
    typer.echo(str(output))


@contextmanager
def _connected(url: str) -> Iterator[Graft]:
    """A connection whose errors end the command with a sentence."""
    try:
        with Graft(url) as graft:
            yield graft
    except (GraftClientError, httpx.TransportError, FileNotFoundError) as error:
        typer.echo(f"graft: {error}", err=True)
        raise typer.Exit(1) from error


def _print(value: BaseModel, *, without: set[str] | None = None) -> None:
    typer.echo(value.model_dump_json(indent=2, exclude=without))
