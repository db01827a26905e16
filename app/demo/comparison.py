"""Compare transfer learning with training from scratch, on photographs or on drawings.

Each comparison trains two jobs with one recipe on one dataset; only their initial weights differ.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from app.demo.drawn_datasets import LARGE, SMALL, write_dataset
from app.demo.job_progress import watch_job
from app.demo.photographs import StartingPoint
from graft_client import Dataset, Graft, Job

BASE_MODEL_RECIPE: dict[str, Any] = {
    "architecture": "resnet18",
    "weights": "none",
    "strategy": "scratch",
    "input_size": 48,
    "epochs": 8,
    "batch_size": 16,
    "optimizer": {"name": "adamw", "learning_rate": 0.001},
    "augmentation": {"name": "tutorial", "min_scale": 0.6},
}
"""Recipe of the base model on the large synthetic dataset."""

DRAWINGS_RECIPE: dict[str, Any] = {
    "input_size": 48,
    "epochs": 12,
    "batch_size": 8,
    "optimizer": {"name": "adamw", "learning_rate": 0.0005},
    "augmentation": {"name": "tutorial", "min_scale": 0.6},
}
"""Recipe of both jobs on the small synthetic dataset."""

PHOTOGRAPHS_RECIPE: dict[str, Any] = {"input_size": 160, "epochs": 5}
"""Recipe of both jobs on photographs; with small images they take minutes on two cores."""


@dataclass(frozen=True)
class Comparison:
    """Two finished jobs on one dataset: one with transferred weights, one from scratch."""

    dataset: Dataset
    transferred: Job
    scratch: Job


def compare_on_photographs(
    graft: Graft, archive: Path, start: StartingPoint, console: Console
) -> Comparison:
    """Train on photographs from pretrained weights and from scratch."""
    dataset = _upload(graft, archive, "photographs", console)
    recipe = PHOTOGRAPHS_RECIPE | {"architecture": start.architecture}
    jobs = {
        "pretrained": graft.train(dataset, **recipe, weights=start.weights, strategy="fine_tune"),
        "scratch": graft.train(
            dataset, **recipe, weights="none", strategy="scratch", model_name="from-scratch"
        ),
    }
    return Comparison(
        dataset,
        watch_job(
            jobs["pretrained"],
            title=f"{start.architecture}, pretrained ({start.weights})",
            console=console,
        ),
        watch_job(jobs["scratch"], title=f"{start.architecture}, from scratch", console=console),
    )


def compare_on_drawings(graft: Graft, folder: Path, console: Console) -> Comparison:
    """Train a base model on many drawings, then fine-tune it on few drawings of other classes."""
    for drawing in (LARGE, SMALL):
        write_dataset(drawing, folder / f"{drawing.name}.zip")
    large = _upload(graft, folder / f"{LARGE.name}.zip", LARGE.name, console)
    base = graft.train(large, **BASE_MODEL_RECIPE)
    small = _upload(graft, folder / f"{SMALL.name}.zip", SMALL.name, console)
    base = watch_job(base, title="The base model, from scratch", console=console)
    assert base.model is not None  # noqa: S101 - a job that succeeded has one
    reference = base.model.reference
    scratch = graft.train(
        small,
        **DRAWINGS_RECIPE,
        architecture="resnet18",
        weights="none",
        model_name="from-scratch",
    )
    grafted = graft.train(small, **DRAWINGS_RECIPE, weights=reference, strategy="fine_tune")
    return Comparison(
        small,
        scratch=watch_job(scratch, title="From scratch", console=console),
        transferred=watch_job(grafted, title=f"Grafted from {reference}", console=console),
    )


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
