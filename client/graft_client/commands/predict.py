"""Classify images."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graft_client.console import views
from graft_client.console.exit_codes import ExitCode
from graft_client.console.finding import find_dataset
from graft_client.console.options import Split
from graft_client.console.predictions import Form, Row, row_of_file, row_of_line, write_rows
from graft_client.console.reporting import note, refuse
from graft_client.console.session import Session, print_parts, uses_service
from graft_client.console.sources import (
    collect_images,
    is_for_a_batch,
    split_into_requests,
)
from graft_client.console.watching import says_how_to_resume, says_what_continues
from graft_client.errors import InvalidRequest

if TYPE_CHECKING:
    from graft_client.synchronous.batches import Batch
    from graft_client.synchronous.graft import Graft

app = typer.Typer()

_FORMS: dict[str, Form] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl"}


@app.command()
@uses_service
def predict(  # noqa: PLR0913 - the options of a prediction
    session: Session,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE|FOLDER...",
            help="Images, folders of images, or archives (zip, tar, tar.gz, tar.zst). A worker "
            "classifies archives and large folders.",
            show_default=False,
        ),
    ] = None,
    *,
    dataset: Annotated[
        str | None, typer.Option(help="The images of a dataset: id, name or `last`.")
    ] = None,
    split: Split = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="name, name@alias or name:version.", show_default="the one of `graft use`"
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, help="Classes per image, best first.")] = 5,
    coverage: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=0.999,
            help="Add a prediction set that has the correct label for this share of images.",
        ),
    ] = None,
    logits: Annotated[bool, typer.Option(help="Add the logits.")] = False,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Save a heat map of the label as this PNG (one image)."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Save the results; .csv, .json or .jsonl selects the form."
        ),
    ] = None,
) -> None:
    """Classify images; print a table, CSV or JSON."""
    form = _choose_form(session, output, as_csv=as_csv)
    paths = sources or []
    if (dataset is None) == (not paths):
        refuse("Give images, folders or archives, or else --dataset.")
    if split is not None and dataset is None:
        refuse("--split needs --dataset; only datasets have splits.")
    if explain is not None and (len(paths) != 1 or not paths[0].is_file()):
        refuse("--explain needs exactly one image.")
    options: dict[str, Any] = {
        "model": model,
        "top_k": top_k,
        "coverage": coverage,
        "logits": logits,
    }
    failed: list[str] = []
    with session.connect() as graft:
        if dataset is not None:
            found = find_dataset(graft, dataset)
            rows = _read_batch(graft.batches.create(found, split=split, **options), None)
        elif explain is not None:
            rows = iter([_explain(graft, paths[0], explain, options)])
        else:
            rows = _predict_all(graft, paths, options)
        _print(_note_failures(rows, failed), form, output)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _choose_form(session: Session, output: Path | None, *, as_csv: bool) -> Form | None:
    """Return the form of the results; None for a table."""
    if output is not None:
        form = _FORMS.get(output.suffix.lower())
        if form is None:
            refuse(f"--output is '{output}'; its name must end in {', '.join(_FORMS)}.")
        if as_csv or session.as_json:
            refuse("--output selects the form by its name; leave out --csv and --json.")
        return form
    if as_csv and session.as_json:
        refuse("--csv and --json exclude each other; give one of them.")
    return "csv" if as_csv else "json" if session.as_json else None


def _predict_all(graft: "Graft", paths: Sequence[Path], options: dict[str, Any]) -> Iterator[Row]:
    """Yield the results in the order of the sources."""
    waiting: list[Path] = []
    for path in paths:
        if not is_for_a_batch(path):
            waiting += collect_images(path)
            continue
        yield from _predict_files(graft, waiting, options)
        waiting = []
        with says_how_to_resume(graft, path):
            batch = graft.batches.upload(path, **options)
        yield from _read_batch(batch, path)
    yield from _predict_files(graft, waiting, options)


def _predict_files(graft: "Graft", files: list[Path], options: dict[str, Any]) -> Iterator[Row]:
    from graft_client.display.choosing import open_display  # noqa: PLC0415 - help does without
    from graft_client.schemas.base import ErrorReason  # noqa: PLC0415 - as above
    from graft_client.schemas.predictions import FailedPrediction  # noqa: PLC0415 - as above

    done = 0
    with open_display(len(files) > 1, "Predicting") as display:
        results: Sequence[Any] = ()
        for some in split_into_requests(files):
            try:
                results = graft.predict(list(some), **options)
            except InvalidRequest as error:  # a list of one image is a request that fails
                if not results:
                    raise
                reason = ErrorReason(code=error.code, message=error.detail)
                results = [FailedPrediction(error=reason, model=results[0].model)]
            done += len(some)
            display.update(done, len(files), f"{done} of {len(files)} images")
            yield from map(row_of_file, some, results)


def _explain(graft: "Graft", path: Path, target: Path, options: dict[str, Any]) -> Row:
    answer = graft.predict(path, explain=True, **options)
    if answer.explanation is not None:
        target.write_bytes(answer.explanation.png)
        note(f"Saved a heat map of '{answer.explanation.label}' as {target}.")
    return row_of_file(path, answer)


def _read_batch(batch: "Batch", source: Path | None) -> Iterator[Row]:
    """Wait for a batch, and yield its results; files of a folder are named by their whole path."""
    with says_what_continues(f"its id is {batch.id}"):
        batch.wait()
    folder = f"{source}/" if source is not None and source.is_dir() else ""
    for line in batch.results():
        yield row_of_line(f"{folder}{line.path}", line, batch.model)
    if batch.accuracy is not None:
        note(f"Accuracy {batch.accuracy:.3f} against the labels of the dataset.")


def _note_failures(rows: Iterable[Row], failed: list[str]) -> Iterator[Row]:
    for row in rows:
        if row.error is not None:
            failed.append(row.path)
        yield row


def _print(rows: Iterator[Row], form: Form | None, output: Path | None) -> None:
    if form is None:
        print_parts(views.predictions.prediction_parts(rows))
    elif output is None:
        for text in write_rows(rows, form):
            sys.stdout.write(text)
    else:
        from graft_client.saving import save_atomically  # noqa: PLC0415 - help does without

        save_atomically(output, (text.encode() for text in write_rows(rows, form)))
        typer.echo(f"Saved the results as {output}.")
