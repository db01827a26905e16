"""Commands that use a running service and print its answers as JSON."""

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from graft_client.console import connected, fail, print_answer

app = typer.Typer()

Url = Annotated[str, typer.Option(help="Address of the service.")]
Name = Annotated[str, typer.Argument(help="Name of a model.")]
Version = Annotated[int, typer.Argument(min=1, help="Number of a version.")]
Alias = Annotated[str, typer.Option(help="Name of the alias.")]
Reference = Annotated[
    str | None,
    typer.Option("--model", help="name, name@alias or name:version; by default the serving model."),
]
TopK = Annotated[int, typer.Option(min=1, help="Number of classes, most probable first.")]
Coverage = Annotated[
    float | None,
    typer.Option(
        min=0.5,
        max=0.999,
        help="Also print a prediction set that contains the correct label for this share of "
        "images.",
    ),
]
Logits = Annotated[bool, typer.Option(help="Also print the logits.")]
Split = Annotated[
    Literal["train", "val", "test"] | None, typer.Option(help="Split of the dataset.")
]

USE_PANEL = "Use the service"
LOCAL = "http://127.0.0.1:8000"
CHAMPION = "champion"


@app.command(rich_help_panel=USE_PANEL)
def predict(  # noqa: PLR0913 - the options are its arguments
    image: Annotated[Path, typer.Argument(help="An image file.")],
    *,
    model: Reference = None,
    top_k: TopK = 5,
    coverage: Coverage = None,
    logits: Logits = False,
    explain: Annotated[
        Path | None, typer.Option(help="Save a heat map of the label as this PNG.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Classify an image."""
    if image.is_dir():
        fail(
            f"'{image}' is a folder; `graft predict` takes one image file. "
            f"For a folder, run `graft predict-many {image}`."
        )
    with connected(url) as graft:
        answer = graft.predict(
            image,
            model=model,
            top_k=top_k,
            coverage=coverage,
            logits=logits,
            explain=explain is not None,
        )
    if explain is not None and answer.explanation is not None:
        explain.write_bytes(b64decode(answer.explanation.heatmap_png))
    print_answer(answer, without={"explanation"})


@app.command(rich_help_panel=USE_PANEL)
def predict_many(  # noqa: PLR0913 - the options are its arguments
    source: Annotated[
        str, typer.Argument(help="A folder or archive of images, or the id of a dataset.")
    ],
    *,
    output: Annotated[
        Path, typer.Option(help="File of the results; a name that ends in .csv selects CSV.")
    ] = Path("results.jsonl"),
    split: Split = None,
    model: Reference = None,
    top_k: TopK = 5,
    coverage: Coverage = None,
    logits: Logits = False,
    url: Url = LOCAL,
) -> None:
    """Classify many images with a worker, and save the predictions."""
    options: dict[str, Any] = {
        "model": model,
        "top_k": top_k,
        "coverage": coverage,
        "logits": logits,
    }
    with connected(url) as graft:
        if source.startswith("ds_") and not Path(source).exists():
            batch = graft.batches.create(source, split=split, **options)
        elif split is None:
            batch = graft.batches.upload(source, **options)
        else:
            raise typer.BadParameter("only a dataset has splits", param_hint="--split")
        batch.wait()
        batch.save(output, format="csv" if output.suffix.lower() == ".csv" else "jsonl")
    print_answer(batch)


@app.command(rich_help_panel=USE_PANEL)
def evaluate(
    name: Name,
    version: Version,
    dataset: Annotated[str, typer.Argument(help="Id of a dataset.")],
    *,
    split: Split = None,
    url: Url = LOCAL,
) -> None:
    """Evaluate a version on a dataset."""
    with connected(url) as graft:
        print_answer(graft.model(name).version(version).evaluate(dataset, split=split))


@app.command(rich_help_panel=USE_PANEL)
def quantize(
    name: Name,
    version: Version,
    dataset: Annotated[str, typer.Argument(help="Id of a dataset with the model's classes.")],
    *,
    url: Url = LOCAL,
) -> None:
    """Quantize a version to int8, as a new version."""
    with connected(url) as graft:
        print_answer(graft.model(name).version(version).quantize(dataset))


@app.command(rich_help_panel=USE_PANEL)
def gate(  # noqa: PLR0913 - the options are its arguments
    name: Name,
    dataset: Annotated[str, typer.Argument(help="Id of the dataset to evaluate on.")],
    *,
    split: Split = None,
    max_class_drop: Annotated[
        float, typer.Option(min=0, max=1, help="Largest allowed decrease of a class's recall.")
    ] = 0.05,
    require: Annotated[
        Literal["not_worse", "better"],
        typer.Option(help="Required result of the comparison with the champion."),
    ] = "not_worse",
    url: Url = LOCAL,
) -> None:
    """Set the gate that a version must pass to become champion."""
    rule = {"max_class_drop": max_class_drop, "require": require}
    with connected(url) as graft:
        print_answer(graft.model(name).set_gate(dataset, split=split, **rule))


@app.command(rich_help_panel=USE_PANEL)
def promote(
    name: Name,
    version: Version,
    *,
    alias: Alias = CHAMPION,
    force_because: Annotated[
        str | None, typer.Option(help="Skip the gate; the reason is recorded.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Point an alias to a version, if the model's gate allows it."""
    with connected(url) as graft:
        print_answer(graft.model(name).version(version).promote(alias, force_because=force_because))


@app.command(rich_help_panel=USE_PANEL)
def rollback(name: Name, *, alias: Alias = CHAMPION, url: Url = LOCAL) -> None:
    """Point an alias to its previous version again."""
    with connected(url) as graft:
        print_answer(graft.model(name).rollback(alias))


@app.command(rich_help_panel=USE_PANEL)
def events(
    name: Name,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of events.")] = 20,
    url: Url = LOCAL,
) -> None:
    """List the events of a model, newest first, one a line."""
    with connected(url) as graft:
        for event in graft.model(name).events().take(limit):
            typer.echo(event.model_dump_json())


@app.command(rich_help_panel=USE_PANEL)
def shadow(
    reference: Annotated[
        str | None, typer.Argument(help="The shadow model; without it the shadow is removed.")
    ] = None,
    *,
    fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of the images.")] = 0.1,
    url: Url = LOCAL,
) -> None:
    """Set the shadow model, which also predicts a share of the images, for comparison."""
    with connected(url) as graft:
        print_answer(graft.shadow(reference, fraction=fraction))


@app.command(rich_help_panel=USE_PANEL)
def export(
    name: Name,
    version: Version,
    output: Annotated[Path, typer.Argument(help="File of the archive.")],
    *,
    format: Annotated[  # noqa: A002 - the service's name
        Literal["safetensors", "onnx", "torch_export", "openvino"],
        typer.Option(help="Format of the exported model."),
    ] = "onnx",
    url: Url = LOCAL,
) -> None:
    """Export a version as an archive that runs without the service."""
    with connected(url) as graft:
        graft.model(name).version(version).export(output, format=format)
    typer.echo(str(output))
