"""Evaluate, quantize and export versions of models."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from graft_client.console import views
from graft_client.console.finding import find_dataset, find_version
from graft_client.console.options import DatasetName, Reference, Split
from graft_client.console.session import Session, uses_service

app = typer.Typer()


@app.command()
@uses_service
def evaluate(
    session: Session, model: Reference, dataset: DatasetName, *, split: Split = None
) -> None:
    """Evaluate a version on a dataset that has its classes."""
    with session.connect() as graft:
        data = find_dataset(graft, dataset)
        answer = find_version(graft, model).evaluate(data, split=split)
    session.show(answer, lambda: views.models.evaluation_parts(answer))


@app.command()
@uses_service
def quantize(
    session: Session,
    model: Reference,
    dataset: DatasetName,
    *,
    num_images: Annotated[
        int | None, typer.Option(min=1, help="Training images to measure the ranges on.")
    ] = None,
) -> None:
    """Quantize a version to int8, as a new version."""
    with session.connect() as graft:
        data = find_dataset(graft, dataset)
        answer = find_version(graft, model).quantize(data, num_images=num_images)
    session.show(answer, lambda: views.models.quantization_parts(answer))


@app.command()
@uses_service
def export(
    session: Session,
    model: Reference,
    output: Annotated[Path, typer.Argument(help="File of the archive.", show_default=False)],
    *,
    format: Annotated[  # noqa: A002 - the service's name
        Literal["safetensors", "onnx", "torch_export", "openvino"],
        typer.Option(help="Format of the exported model."),
    ] = "onnx",
) -> None:
    """Export a version as an archive that runs without the service."""
    with session.connect() as graft:
        version = find_version(graft, model)
        version.export(output, format=format)
    session.show_values(
        {"model": version.reference, "format": format, "path": str(output)},
        f"Saved {version.reference} as {output}.",
    )
