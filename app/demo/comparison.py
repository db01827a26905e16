"""Compare transfer learning with training from scratch, on photographs or on drawings.

A comparison trains one network twice on one dataset, with the recommended recipe for either start.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from app.demo.drawn_datasets import DRAWINGS, write_dataset
from app.demo.job_progress import watch_job
from app.demo.photographs import StartingPoint
from graft_client import Dataset, Graft, Job

DRAWINGS_RECIPE: dict[str, Any] = {
    "input_size": 96,
    "epochs": 3,
    "optimizer": {"learning_rate": 0.0005},
    "early_stopping": None,
}
"""Fields of both jobs on drawings, which are so unlike ImageNet that larger steps pay."""

PHOTOGRAPHS_RECIPE: dict[str, Any] = {"input_size": 128, "epochs": 4, "early_stopping": None}
"""Fields of both jobs on photographs; with small images they take about a minute on two cores."""


@dataclass(frozen=True)
class Comparison:
    """Two finished jobs on one dataset: one with transferred weights, one from scratch."""

    dataset: Dataset
    transferred: Job
    scratch: Job


def compare(
    graft: Graft, start: StartingPoint, photographs: Path | None, folder: Path, console: Console
) -> Comparison:
    """Train from pretrained weights and from scratch, and say first how long that will take.

    photographs is an archive or a folder; without one, images are drawn into folder.
    """
    recipe = DRAWINGS_RECIPE if photographs is None else PHOTOGRAPHS_RECIPE
    if photographs is None:
        photographs = folder / f"{DRAWINGS.name}.zip"
        write_dataset(DRAWINGS, photographs)
        name = DRAWINGS.name
    else:
        name = "photographs"
    dataset = _upload(graft, photographs, name, console)
    recipe = recipe | {"architecture": start.architecture, "strategy": "fine_tune"}
    pretrained = recipe | {"weights": start.weights}
    scratch = recipe | {"weights": "none", "strategy": "scratch", "model_name": "from-scratch"}
    measured = graft.jobs.validate(dataset, **scratch).measured
    if measured is not None and measured.estimated_seconds is not None:
        # Both run the same network on the same images.
        seconds = 2 * measured.estimated_seconds
        console.print(f"Both trainings take about {seconds:.0f} seconds on this machine.")
    jobs = [graft.train(dataset, **fields) for fields in (pretrained, scratch)]
    titles = [
        f"{start.architecture}, pretrained ({start.weights})",
        f"{start.architecture}, from scratch",
    ]
    transferred, untransferred = (
        watch_job(job, title=title, console=console)
        for job, title in zip(jobs, titles, strict=True)
    )
    return Comparison(dataset, transferred, untransferred)


def _upload(graft: Graft, archive: Path, name: str, console: Console) -> Dataset:
    dataset = graft.datasets.upload(archive, name=name, progress=False).wait(progress=False)
    counts = ", ".join(
        f"{dataset.splits[split].num_images} {split}"
        for split in ("train", "val", "test")
        if split in dataset.splits
    )
    console.print(
        f"Uploaded [bold]{name}[/]: {counts} images of {len(dataset.class_names)} classes "
        f"({', '.join(dataset.class_names)})"
    )
    return dataset
