"""The demo from beginning to end, against a running service."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.demo import photographs
from app.demo.comparison import Comparison, compare_on_drawings, compare_on_photographs
from graft_client.errors import GraftClientError
from graft_client.graft import Graft
from graft_client.resources.datasets import DatasetImage


def run_demo(base_url: str, *, dataset: Path | None, output_dir: Path, console: Console) -> None:
    """Upload, train, draw the curves and predict; what is made lies in output_dir.

    dataset is an archive or folder of photographs to use; without one the tutorial's are used if
    they and pretrained weights can be had, and drawings if not. Raises GraftClientError, with the
    code WEIGHTS_UNAVAILABLE where photographs are given and there is nothing to start from.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    with Graft(base_url) as graft:
        comparison = _choose_and_run(graft, dataset, output_dir, console)
        curves = output_dir / "curves.png"
        graft.save_curves(comparison.transferred.id, curves, compare=[comparison.scratch.id])
        _show_side_by_side(graft, comparison, console)
        image, picture = _hold_back(graft, comparison, output_dir)
        _predict(graft, comparison, image, picture, console)
    addresses = {
        "curves of both runs": str(curves),
        "another prediction": f"curl -F image=@{picture} {base_url}/predict",
        "Swagger UI": f"{base_url}/docs",
    }
    console.print()
    for name, address in addresses.items():
        console.print(f"{name:>20}  {address}", soft_wrap=True, highlight=False)


def _choose_and_run(
    graft: Graft, dataset: Path | None, output_dir: Path, console: Console
) -> Comparison:
    start = photographs.find_starting_point(graft.list_architectures())
    if dataset is not None:
        if start is None:
            raise GraftClientError(
                "WEIGHTS_UNAVAILABLE",
                "Photographs are to be learned from pretrained weights, and none can be had: "
                "put some into the folder named by GRAFT_WEIGHTS_DIR.",
            )
        return compare_on_photographs(graft, dataset, start, console)
    if start is not None and photographs.can_be_downloaded():
        console.print(f"Downloading the tutorial's photographs: {photographs.PHOTOGRAPHS_URL}")
        return compare_on_photographs(graft, photographs.download(output_dir), start, console)
    missing = "The tutorial's photographs" if start is not None else "Pretrained weights"
    console.print(
        f"{missing} cannot be had here, so the demo draws its pictures and grows its own base "
        "model (--data and GRAFT_WEIGHTS_DIR name real ones).",
        soft_wrap=True,
    )
    return compare_on_drawings(graft, output_dir, console)


def _show_side_by_side(graft: Graft, comparison: Comparison, console: Console) -> None:
    console.print("\n[bold]Validation accuracy[/] of the same recipe from two starting points")
    table = Table()
    for heading in ("epoch", "transferred", "from scratch"):
        table.add_column(heading, justify="right")
    pairs = zip(
        graft.list_epochs(comparison.transferred.id),
        graft.list_epochs(comparison.scratch.id),
        strict=True,
    )
    for transferred, scratch in pairs:
        table.add_row(
            str(transferred.epoch),
            f"{transferred.val_accuracy:.3f}",
            f"{scratch.val_accuracy:.3f}",
        )
    console.print(table)


def _hold_back(graft: Graft, comparison: Comparison, folder: Path) -> tuple[DatasetImage, Path]:
    """An image that no training step has seen, from the test split where there is one."""
    split = "test" if "test" in comparison.dataset.splits else "val"
    image = graft.list_images(comparison.dataset.id, split=split)[0]
    path = folder / f"held-back{Path(image.path).suffix}"
    graft.save_image(comparison.dataset.id, image.id, path)
    return image, path


def _predict(
    graft: Graft, comparison: Comparison, image: DatasetImage, path: Path, console: Console
) -> None:
    assert comparison.transferred.model is not None  # noqa: S101 - a job that succeeded has one
    graft.choose_model(comparison.transferred.model.name)
    answer = graft.predict(path, top_k=3)
    console.print(
        f"\n[bold]{answer.model.reference}[/] on an image of '{image.class_name}' that no training "
        f"step has seen ({path})",
        soft_wrap=True,
    )
    table = Table()
    table.add_column("class")
    table.add_column("probability", justify="right")
    for prediction in answer.predictions:
        table.add_row(prediction.label, f"{prediction.probability:.3f}")
    console.print(table)
