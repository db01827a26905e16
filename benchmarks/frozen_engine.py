"""Compare PyTorch and OpenVINO for frozen layers: seconds, features and accuracy of solved heads.

    make bench-frozen-engine

Both engines compute the features of the same decoded images, in as many threads as there are
cores, one batch of a job's size at a time. Then a head is solved on the features of each.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from app.ml.images.pil_decoding import decoded_image
from app.ml.images.preprocessing import PreprocessingSpec, prepare_eval
from app.ml.models.catalogue import get_architecture
from app.ml.models.lite0_package import LITE0
from app.ml.recipe import decide
from app.recipes.defaults import resolve
from app.recipes.schemas import JobRequest
from app.storage import LocalStorage
from benchmarks.datasets import prepare
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.peers.network import SQUEEZENET
from worker.pool import map_in_threads
from worker.training.config import TrainingConfig
from worker.training.feed import LANE_BATCH_SIZE
from worker.training.frozen import extract_backbone
from worker.training.frozen_engine import compile_layers
from worker.training.head import LinearHead, choose_head
from worker.training.repeatable import make_repeatable
from worker.training.starting_model import start_model

_NUM_THREADS = len(os.sched_getaffinity(0))
_L2_STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01)

Compute = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Images:
    """The decoded images of a split, float32 [3, input_size, input_size] each, and their labels."""

    pixels: list[Tensor]
    targets: Tensor


def main() -> None:
    """Print a row per dataset and network."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["ants-and-bees", "satellite"])
    parser.add_argument("--networks", nargs="+", default=[SQUEEZENET, LITE0])
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    make_repeatable(_NUM_THREADS)
    print(f"{describe_machine()}\n")
    print(
        "| dataset | network | images | convert, s | PyTorch, ms | OpenVINO, ms | ratio "
        "| pays from | largest difference | accuracy | other predictions |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name in options.data:
        dataset = prepare(name, options.work_dir, options.archives)
        for network in options.networks:
            backbone, spec = load(network, dataset.input_size, options.weights_dir)
            splits = [read(dataset.folder / split, spec) for split in ("train", "val")]
            print(f"| {name} | {network} | {compare(backbone, spec, *splits)} |", flush=True)


def load(
    architecture: str, input_size: int, weights_dir: Path
) -> tuple[nn.Module, PreprocessingSpec]:
    """Return the backbone as a job starts with it."""
    request = JobRequest(
        dataset_id="ds_1",
        architecture=architecture,
        strategy="feature_extract",
        input_size=input_size,
    )
    recipe = decide(resolve(request, dataset_name="bench", num_threads=_NUM_THREADS, base=None))
    with tempfile.TemporaryDirectory() as folder:
        config = TrainingConfig(
            job_id="job_1",
            recipe=recipe,
            class_names=["one", "two"],
            manifest_key="none",
            dataset_digest="0" * 64,
            key_prefix="none",
            storage_dir=Path(folder),
            weights_dir=weights_dir,
            weights_download=False,
            cache_dir=Path(folder),
            image_cache_bytes=0,
            device="cpu",
        )
        model, header = start_model(config, LocalStorage(Path(folder)))
    model.to(memory_format=torch.channels_last)
    return extract_backbone(model, get_architecture(architecture)), header.preprocessing


def read(folder: Path, spec: PreprocessingSpec) -> Images:
    """Decode the images of a split."""

    def decode(path: Path) -> Tensor:
        with decoded_image(path) as image:
            return prepare_eval(image, spec)

    classes = sorted(folder.iterdir())
    paths = [(path, label) for label, part in enumerate(classes) for path in sorted(part.iterdir())]
    pixels = map_in_threads(decode, [path for path, _ in paths], num_threads=_NUM_THREADS)
    return Images(list(pixels), torch.tensor([label for _, label in paths]))


def compare(backbone: nn.Module, spec: PreprocessingSpec, train: Images, val: Images) -> str:
    """Return the cells of a row."""
    started = time.perf_counter()
    compiled = compile_layers(backbone, spec.input_size, _NUM_THREADS)
    converting = time.perf_counter() - started
    if compiled is None:
        raise AssertionError("the layers are converted")
    engines: Sequence[Compute] = (backbone, compiled)
    seconds, heads, features = [], [], []
    for engine in engines:
        run(engine, train.pixels[: 2 * LANE_BATCH_SIZE])  # one-time initialisation
        started = time.perf_counter()
        learnt = run(engine, train.pixels)
        seconds.append((time.perf_counter() - started) / len(train.pixels))
        heads.append(solve(learnt, train.targets))
        features.append(run(engine, val.pixels))
    difference = (features[0] - features[1]).abs().max() / features[0].abs().max()
    predicted = [head(one).argmax(1) for head, one in zip(heads, features, strict=True)]
    accuracies = [(one == val.targets).double().mean().item() for one in predicted]
    plain, fast = seconds
    pays_from = f"{converting / (plain - fast):.0f} images" if fast < plain else "never"
    return (
        f"{len(train.pixels)} | {converting:.1f} | {1000 * plain:.1f} | {1000 * fast:.1f} "
        f"| {plain / fast:.2f} | {pays_from} | {difference:.0e} "
        f"| {accuracies[0]:.3f}, {accuracies[1]:.3f} "
        f"| {int((predicted[0] != predicted[1]).sum())} of {len(val.pixels)}"
    )


def run(engine: Compute, pixels: Sequence[Tensor]) -> Tensor:
    """Return the features of images, computed in batches and threads as a job does it."""

    def work(start: int) -> Tensor:
        batch = torch.stack(list(pixels[start : start + LANE_BATCH_SIZE]))
        with torch.no_grad():
            return engine(batch.contiguous(memory_format=torch.channels_last))

    torch.set_num_threads(1)
    starts = range(0, len(pixels), LANE_BATCH_SIZE)
    return torch.cat(list(map_in_threads(work, starts, num_threads=_NUM_THREADS)))


def solve(features: Tensor, targets: Tensor) -> LinearHead:
    """Return the head that a job would solve for."""
    num_classes = int(targets.max()) + 1
    return choose_head(features, targets, num_classes=num_classes, l2_strengths=_L2_STRENGTHS).head


if __name__ == "__main__":
    main()
