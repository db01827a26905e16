"""Measure the images per second of fine-tuning on one GPU, and compare Graft with two references.

    python -m benchmarks.gpu_training [--architectures resnet18 resnet50] [--batch-size 128]

Three programs train each architecture at 224 pixels:
- bare: forward, backward and optimizer step in bfloat16 on random images in GPU memory, once with
  cuDNN autotuning and once with the deterministic kernels that jobs use;
- Graft: the input pipeline and training loop of jobs, in bfloat16;
- the tutorial's loop as published (float32, four DataLoader workers).
The first two run with and without torch.compile (--eager skips it). The network starts from random
weights, which takes as long as fine-tuning. The program prints a table and writes every figure to
--out. It exits with 2 if there is no CUDA device.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision import models

from app.ml.recipe import Recipe
from app.storage import LocalStorage
from benchmarks import tutorial_loop
from benchmarks.datasets import prepare as prepare_dataset
from benchmarks.graft_child import (
    StoredDataset,
    configure,
    resolve_recipe,
    store_dataset,
    train,
)
from benchmarks.machine import describe_machine, find_shared_dir
from worker.training.data import Loader
from worker.training.loop import train_pass
from worker.training.preparation import prepare
from worker.training.progress import ProgressReporter
from worker.training.repeatable import make_repeatable
from worker.training.setup import TrainingContext

_INPUT_SIZE = 224
_PHOTOGRAPH = (500, 375)
_NUM_CLASSES = 2
_NUM_WARM_UP, _NUM_STEPS, _NUM_ROUNDS = 10, 50, 5


@dataclass(frozen=True)
class Rate:
    """Images per second: the median, the lowest and the highest of the rounds."""

    architecture: str
    what: str
    is_compiled: bool
    median: float
    lowest: float
    highest: float


def measure_bare(architecture: str, batch_size: int, *, compiled: bool) -> list[float]:
    """Measure the GPU's upper limit: only the network, its loss and its optimizer."""
    model: nn.Module = models.get_model(architecture, weights=None, num_classes=_NUM_CLASSES)
    model.cuda().to(memory_format=torch.channels_last)
    if compiled:
        model.compile()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    images = torch.randn(batch_size, 3, _INPUT_SIZE, _INPUT_SIZE, device="cuda")
    images = images.contiguous(memory_format=torch.channels_last)
    targets = torch.randint(_NUM_CLASSES, (batch_size,), device="cuda")

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            scores = model(images)
        nn.functional.cross_entropy(scores.float(), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(_NUM_WARM_UP):
        step()

    def run() -> None:
        for _ in range(_NUM_STEPS):
            step()

    return [_NUM_STEPS * batch_size / _time(run) for _ in range(_NUM_ROUNDS)]


def measure_graft(
    recipe: Recipe, dataset: StoredDataset, device: torch.device
) -> tuple[list[float], dict[str, Any]]:
    """Measure passes over the training images by the training loop of jobs.

    Returns the images per second of each pass, and the resolved settings.
    """
    config = configure(recipe, dataset, weights_dir=dataset.storage_dir, device=device.type)
    make_repeatable(recipe.num_threads)
    progress = ProgressReporter(lambda _: None, recipe.epochs)
    with closing(Loader(recipe.num_threads)) as loader:
        setup = prepare(
            TrainingContext(
                config=config,
                storage=LocalStorage(config.storage_dir),
                loader=loader,
                device=device,
                progress=progress,
            )
        )
        rates = [0.001] * setup.feed.num_train_batches
        num_images = len(setup.splits.train)

        def run(epoch: int) -> None:
            batches = setup.feed.train_batches(epoch)
            train_pass(setup.learner, batches, rates, lambda _: None, seed=0, epoch=epoch)

        run(1)
        measured = [
            num_images / _time(lambda number=number: run(number))  # type: ignore[misc]
            for number in range(2, 2 + _NUM_ROUNDS)
        ]
        return measured, setup.resolved.model_dump(mode="json")


def measure_tutorial(architecture: str, folder: Path, batch_size: int) -> list[float]:
    """Measure the tutorial's loop; its few validation images are counted too."""
    num_images = len(list(folder.glob("*/*/*.jpg")))
    rows = tutorial_loop.run(
        folder, architecture=architecture, feature_extract=False, epochs=3, batch_size=batch_size
    )
    return [num_images / row["seconds"] for row in list(rows)[1:]]


def draw_photographs(folder: Path, num_images: int) -> None:
    """Write JPEG files of smooth noise with the dimensions and file size of typical photographs."""

    def draw(number: int) -> None:
        split = "train" if number < num_images else "val"
        path = folder / split / f"class_{number % _NUM_CLASSES}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize(_PHOTOGRAPH, Image.Resampling.BICUBIC)
        image.save(path, quality=90)

    with ThreadPoolExecutor() as pool:
        list(pool.map(draw, range(num_images + _NUM_CLASSES)))


def measure_job(work_dir: Path) -> dict[str, Any] | None:
    """Measure the time of whole jobs on ants and bees, from process start to stored model.

    Returns None if the photographs are missing.
    """
    shared = find_shared_dir()
    archives = shared / "data"
    if not (archives / "hymenoptera_data.zip").is_file():
        return None
    dataset = prepare_dataset("ants-and-bees", work_dir, archives)
    figures: dict[str, Any] = {}
    for strategy in ("feature_extract", "fine_tune"):
        fields = {"architecture": "squeezenet1_0", "strategy": strategy}
        stored = store_dataset(dataset.folder, work_dir / f"storage-{strategy}")
        started = time.perf_counter()
        finished = train(
            resolve_recipe(fields),
            stored,
            shared / "weights",
            dict(os.environ),
            work_dir / f"{strategy}.log",
            device="cuda",
        )
        rows = [
            row
            for line in finished.lines
            if line.content["type"] == "epochs_done"
            for row in line.content["rows"]
        ]
        figures[strategy] = {
            "seconds": time.perf_counter() - started,
            "best_val_accuracy": max(row["val_accuracy"] for row in rows),
        }
    return figures


def write_table(rates: list[Rate]) -> str:
    """Write a Markdown table of images per second.

    Each share is relative to the bare program with the same use of torch.compile.
    """
    limits = {
        (rate.architecture, rate.is_compiled): rate.median for rate in rates if rate.what == "bare"
    }
    lines = [
        "| architecture | what | compiled | images/s (range) | share of bare |",
        "|---|---|---|---:|---:|",
    ]
    for rate in rates:
        share = rate.median / limits[rate.architecture, rate.is_compiled]
        compiled = "yes" if rate.is_compiled else "no"
        lines.append(
            f"| {rate.architecture} | {rate.what} | {compiled} "
            f"| {rate.median:,.0f} ({rate.lowest:,.0f} to {rate.highest:,.0f}) | {share:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure all architectures and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--architectures", nargs="+", default=["resnet18", "resnet50"])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument(
        "--images", type=int, default=4096, help="number of synthetic training images"
    )
    parser.add_argument("--eager", action="store_true", help="skip torch.compile")
    parser.add_argument("--out", type=Path, default=Path("build/bench/gpu.json"))
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print(
            "This machine has no CUDA device. Run this benchmark on a machine with one.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    # cuBLAS reads this variable at its first use; the supervisor sets it for jobs.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    machine = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; {describe_machine()}"
    print(machine)
    with tempfile.TemporaryDirectory() as temporary:
        work_dir = Path(temporary)
        folder = work_dir / "photographs"
        draw_photographs(folder, options.images)
        dataset = store_dataset(folder, work_dir / "storage")
        rates, notes = _measure_all(options, folder, dataset)
        job = measure_job(work_dir)
    print(write_table(rates))
    print(f"resolved: {notes}")
    print(f"ants and bees, whole jobs: {job or 'no shared photographs'}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figures = {"machine": machine, "rates": [asdict(rate) for rate in rates], "job": job}
    options.out.write_text(json.dumps({**figures, "notes": notes}, indent=2))


def _measure_all(
    options: argparse.Namespace, folder: Path, dataset: StoredDataset
) -> tuple[list[Rate], dict[str, Any]]:
    rates: list[Rate] = []
    notes: dict[str, Any] = {}

    def add(architecture: str, what: str, measured: list[float], *, compiled: bool = False) -> None:
        figures = median(measured), min(measured), max(measured)
        rates.append(Rate(architecture, what, compiled, *figures))

    for architecture in options.architectures:
        for compiled in (False,) if options.eager else (False, True):
            for what in ("bare", "bare, deterministic"):
                with _kernels(is_autotuned=what == "bare"):
                    bare = measure_bare(architecture, options.batch_size, compiled=compiled)
                add(architecture, what, bare, compiled=compiled)
            recipe = resolve_recipe(
                {
                    "architecture": architecture,
                    "strategy": "scratch",
                    "preset": "tutorial",
                    "epochs": 1 + _NUM_ROUNDS,
                    "batch_size": options.batch_size,
                    "input_size": _INPUT_SIZE,
                    "precision": "bf16",
                    "compile": compiled,
                }
            )
            with _kernels(is_autotuned=False):
                measured, notes[architecture] = measure_graft(recipe, dataset, torch.device("cuda"))
            add(architecture, "Graft", measured, compiled=compiled)
        with _kernels(is_autotuned=True):
            tutorial = measure_tutorial(architecture, folder, options.batch_size)
        add(architecture, "tutorial's loop", tutorial)
    return rates, notes


@contextmanager
def _kernels(*, is_autotuned: bool) -> Iterator[None]:
    """Let cuDNN autotune its kernels, or restrict torch to deterministic ones."""
    torch.use_deterministic_algorithms(mode=not is_autotuned, warn_only=True)
    torch.backends.cudnn.benchmark = is_autotuned
    torch.backends.cudnn.deterministic = not is_autotuned
    torch.compiler.reset()
    torch.cuda.empty_cache()
    yield


def _time(run: Callable[[], None]) -> float:
    torch.cuda.synchronize()
    started = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
