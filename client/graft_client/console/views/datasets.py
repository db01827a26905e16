"""Datasets as a person sees them: what is in them, and what is wrong with them."""

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from graft_client.console.tables import facts, table, title
from graft_client.console.text import count, moment, one_line, share
from graft_client.display.meter import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graft_client.schemas.datasets import DatasetFields, DatasetReport
    from graft_client.schemas.plans import Advice

_MAX_CLASSES = 40
_MAX_EXAMPLES = 3


def datasets_table(datasets: "Sequence[DatasetFields]") -> RenderableType:
    """Return datasets as rows."""
    rows = [
        (
            one.id,
            one.name,
            one.status,
            one.num_images,
            len(one.class_names),
            format_bytes(one.num_bytes),
            moment(one.created_at),
        )
        for one in datasets
    ]
    headings = ("id", "name", "status", "images", "classes", "size", "created")
    return table(headings, rows, right=("images", "classes", "size"))


def dataset_parts(dataset: "DatasetFields") -> list[RenderableType]:
    """Return a dataset with its counts by class and split, and its findings."""
    images = count(dataset.num_images, "image")
    classes = count(len(dataset.class_names), "class", "classes")
    size = format_bytes(dataset.num_bytes)
    head = f"{dataset.name} ({dataset.id}) is {dataset.status}: {images} of {classes}, {size}"
    parts: list[RenderableType] = [
        Text(one_line(f"Warning: {warning}"), style="yellow") for warning in dataset.report.warnings
    ]
    parts.append(title(head))
    if dataset.error is not None:
        parts.append(Text(one_line(f"{dataset.error.code}: {dataset.error.message}"), style="red"))
    if dataset.status == "ingesting":
        progress = dataset.progress
        parts.append(f"{progress.stage}: {progress.done} of {progress.total}")
    if dataset.class_names:
        parts += _class_parts(dataset)
    return parts + _finding_parts(dataset.report)


def _class_parts(dataset: "DatasetFields") -> list[RenderableType]:
    splits = list(dataset.splits)
    names = dataset.class_names[:_MAX_CLASSES]
    rows = [
        (name, *(dataset.splits[split].per_class.get(name, 0) for split in splits))
        for name in names
    ]
    rows.append(("all classes", *(dataset.splits[split].num_images for split in splits)))
    parts: list[RenderableType] = [table(("class", *splits), rows, right=splits)]
    if len(dataset.class_names) > len(names):
        parts.append(f"{len(dataset.class_names) - len(names)} more classes are not shown.")
    return parts


def _finding_parts(report: "DatasetReport") -> list[RenderableType]:
    counts = report.counts
    findings: list[tuple[int, str, Iterable[str]]] = [
        (
            counts.rejected,
            "unreadable images",
            (f"{one.path}: {one.reason}" for one in report.rejected),
        ),
        (
            counts.ignored,
            "files that are not images",
            (f"{one.path}: {one.reason}" for one in report.ignored),
        ),
        (
            counts.leaked,
            "validation or test images that are also in training",
            map(_pair, report.leaked),
        ),
        (
            counts.near_leaked,
            "near duplicates of an image in another split",
            map(_pair, report.near_leaked),
        ),
        (
            counts.duplicates,
            "duplicates within a split",
            map(_pair, report.duplicates),
        ),
        (
            counts.suspect_labels,
            "training images that may be labelled wrongly",
            (
                f"{one.path}: {one.suggested_label}? (wrong: {share(one.error_probability)})"
                for one in report.suspect_labels
            ),
        ),
    ]
    lines: list[RenderableType] = []
    for number, text, examples in findings:
        if number:
            lines.append(Text(f"  {text}: {number:,}", style="yellow"))
            lines += [f"    {one_line(one)}" for one in list(examples)[:_MAX_EXAMPLES]]
    return [title("Findings"), *lines] if lines else []


def _pair(paths: tuple[str, str]) -> str:
    return f"{paths[0]} = {paths[1]}"


def advice_parts(advice: "Advice", dataset: str) -> list[RenderableType]:
    """Return the advised recipe, its reason, and the command that follows it."""
    accuracy = advice.expected_accuracy
    command = (
        f"graft train {dataset} --strategy {advice.strategy} --architecture {advice.architecture}"
    )
    if advice.trainable_from:
        command += f" --set trainable_from={advice.trainable_from}"
    return [
        facts(
            [
                ("strategy", advice.strategy),
                ("architecture", advice.architecture),
                ("trainable from", advice.trainable_from),
                (
                    "expected accuracy",
                    f"{share(accuracy.value)} ({share(accuracy.low)}-{share(accuracy.high)})",
                ),
                ("expected time", format_seconds(advice.expected_seconds)),
            ]
        ),
        one_line(advice.reason),
        f"Train like this: {command} --watch",
    ]
