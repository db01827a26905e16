"""Compare the predictions of every engine and precision with those of float32.

    python -m benchmarks.numerics

The service trains SqueezeNet 1.0 with a new head on ants and bees, registers it and quantizes it to
int8. Every installed engine predicts each validation photograph in a batch of one. The program
compares the served probabilities with those of the float32 network. A GPU predicts them, too: once
decoded by the CPU, and once by itself. No time is measured, so other programs may run on the
machine.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from app.db.session import Database
from app.errors import EngineUnavailable
from app.models.service import resolve_reference
from app.predictions.engines.engine import EngineName
from app.predictions.servable import Servable, load_servable
from app.settings import Settings
from app.storage import LocalStorage
from benchmarks.datasets import prepare as prepare_dataset
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.processes import environment_for
from benchmarks.serving.models import INT8_VERSION, prepare

CPU = torch.device("cpu")
NETWORK = "squeezenet1_0"
ENGINES: tuple[EngineName, ...] = ("torch", "openvino", "onnxruntime")


def main() -> None:
    """Print a table of changes in probability, changed labels and accuracy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench/serving"))
    work_dir = parser.parse_args().work_dir.absolute()
    shared = find_shared_dir()
    archives = shared / "data"
    environment = environment_for("passive")
    work_dir.mkdir(parents=True, exist_ok=True)
    prepare([NETWORK], work_dir, archives, shared / "weights", environment)
    folder = prepare_dataset("ants-and-bees", work_dir, archives).folder / "val"
    files = sorted(folder.glob("*/*"))
    opened = dict(open_all(work_dir / "graft-data"))
    (reference, *_) = opened
    targets = [opened[reference].class_names.index(file.parent.name) for file in files]
    predictions = {name: predict_all(servable, files) for name, servable in opened.items()}
    print(f"{describe_machine()}\n\n{len(files)} photographs\n")
    print("| engine | largest change | mean change | labels changed | accuracy |")
    print("|---|---:|---:|---:|---:|")
    for name, probabilities in predictions.items():
        change = (probabilities - predictions[reference]).abs()
        changed = (probabilities.argmax(1) != predictions[reference].argmax(1)).sum().item()
        accuracy = (probabilities.argmax(1) == torch.tensor(targets)).double().mean().item()
        print(f"| {name} | {change.max():.4f} | {change.mean():.4f} | {changed} | {accuracy:.3f} |")


def open_all(data_dir: Path) -> Iterator[tuple[str, Servable]]:
    """Load both versions in every installed engine, with names; torch in fp32 comes first."""
    for precision in ("fp32", "bf16"):
        open_version = _opener(data_dir, 1)
        for engine in ENGINES:
            with suppress(EngineUnavailable):
                yield f"{engine}, {precision}", open_version(engine, precision)
    if torch.cuda.is_available():
        cuda = torch.device("cuda")
        open_version = _opener(data_dir, 1, cuda)
        yield "torch on the GPU, fp32", open_version("torch", "fp32")
        yield "the same, decoded on the GPU", open_version("torch", "fp32", cuda)
    open_version = _opener(data_dir, INT8_VERSION)
    for engine in ENGINES[1:]:
        with suppress(EngineUnavailable):
            yield f"{engine}, int8", open_version(engine, "auto")


def _opener(data_dir: Path, number: int, device: torch.device = CPU) -> Callable[..., Servable]:
    settings = Settings(data_dir=data_dir)
    storage = LocalStorage(settings.storage_dir)
    database = Database(settings.sqlalchemy_url)
    with database.reading() as session:
        version = resolve_reference(session, f"{NETWORK}:{number}")
    database.close()

    def find(key: str | None) -> Path | None:
        return storage.path(key) if key else None

    return lambda engine, precision, decode_device=None: load_servable(
        storage.path(version.checkpoint_key),
        find(version.trust_key),
        device,
        engine=engine,
        precision=precision,
        quantized_path=find(version.quantized_key),
        decode_device=decode_device,
    )


def predict_all(servable: Servable, files: list[Path]) -> Tensor:
    """Compute the probabilities of all files, float32 [num_files, num_classes]."""
    logits = torch.cat(
        [servable.engine.run(servable.prepare(file.read_bytes())[None]).logits for file in files]
    )
    return (logits / servable.temperature).softmax(1)


if __name__ == "__main__":
    main()
