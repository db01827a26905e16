import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.datasets.manifest import ImageRecord, Split, read_manifest
from app.datasets.report import compute_digest
from app.ml.recipe import Lbfgs
from app.storage import LocalStorage
from worker.training import preparation
from worker.training.config import TrainingConfig

CLASS_NAMES = ["dark", "light"]
SIZE = 40
SMALL_WITH_BATCH_NORM = "shufflenet_v2_x0_5"
"""The smallest architecture with BatchNorm: 0.3 million parameters."""

MakeConfig = Callable[..., TrainingConfig]


@cache
def picture(class_name: str, number: int) -> bytes:
    """A noisy picture, darker or lighter than the middle, too noisy to be learnt at once."""
    random = np.random.default_rng([number, CLASS_NAMES.index(class_name)])
    level = 110 if class_name == "dark" else 146
    pixels = random.normal(level, 60, (SIZE, SIZE, 3)).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


Picture = tuple[Split, str, bytes]
"""The split, the class and the file of an image."""


def list_pictures(num_train: int, num_val: int) -> list[Picture]:
    """Return pictures of two classes in turn."""
    splits: list[Split] = [*["train"] * num_train, *["val"] * num_val]  # type: ignore[list-item]
    pictures: list[Picture] = []
    for number, split in enumerate(splits, 1):
        class_name = CLASS_NAMES[number % 2]
        pictures.append((split, class_name, picture(class_name, number)))
    return pictures


def store_pictures(storage: LocalStorage, num_train: int, num_val: int) -> str:
    """Store pictures of two classes in turn, and their manifest; give its key."""
    return store_manifest(storage, f"{num_train}-{num_val}", list_pictures(num_train, num_val))


def store_manifest(storage: LocalStorage, name: str, pictures: Sequence[Picture]) -> str:
    """Store pictures and the manifest that lists them in this order; give its key."""
    lines = []
    for image_id, (split, class_name, content) in enumerate(pictures, 1):
        digest = hashlib.sha256(content).hexdigest()
        key = f"images/{digest[:2]}/{digest}"
        write_file(storage, key, content)
        width, height = Image.open(io.BytesIO(content)).size
        record = ImageRecord(
            image_id=image_id,
            split=split,
            class_name=class_name,
            path=f"{split}/{class_name}/{image_id}.png",
            key=key,
            sha256=digest,
            num_bytes=len(content),
            width=width,
            height=height,
        )
        lines.append(record.model_dump_json())
    manifest_key = f"datasets/{name}/manifest.jsonl"
    write_file(storage, manifest_key, "\n".join(lines).encode() + b"\n")
    return manifest_key


def write_file(storage: LocalStorage, key: str, content: bytes) -> None:
    """Write a file without `fsync`, which takes longer than a small training."""
    path = storage.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def make_config(storage: LocalStorage, tmp_path: Path) -> MakeConfig:
    return make_maker(storage, tmp_path)


def make_maker(storage: LocalStorage, folder: Path) -> MakeConfig:
    """Return a function that makes a small configuration; keyword arguments change the recipe.

    Each epoch is kept by itself, however short.
    """

    def make(
        *,
        num_train: int = 13,
        num_val: int = 6,
        pictures: Sequence[Picture] = (),
        config: dict[str, object] | None = None,
        **recipe: object,
    ) -> TrainingConfig:
        defaults: dict[str, object] = {
            "architecture": "squeezenet1_0",
            "strategy": "scratch",
            "trainable_from": None,
            "weights": "none",
            "preset": "test",
            "epochs": 2,
            "batch_size": 4,
            "input_size": 32,
            "seed": 0,
            "num_threads": 1,
            "optimizer": {"name": "sgd"},
            "scheduler": {"name": "constant"},
            "augmentation": {"name": "tutorial"},
            "early_stopping": None,
        }
        manifest_key = (
            store_manifest(storage, "given", pictures)
            if pictures
            else store_pictures(storage, num_train, num_val)
        )
        names = sorted({class_name for _, class_name, _ in pictures}) or CLASS_NAMES
        return TrainingConfig.model_validate(
            {
                "job_id": "job_1",
                "recipe": {**defaults, **recipe},
                "class_names": names,
                "manifest_key": manifest_key,
                "dataset_digest": compute_digest(read_manifest(storage.path(manifest_key))),
                "key_prefix": "jobs/job_1/1",
                "storage_dir": storage.root,
                "weights_dir": folder / "weights",
                "weights_download": False,
                "cache_dir": folder / "cache",
                "image_cache_bytes": 10**8,
                "device": "cpu",
                "keep_every_seconds": 0.0,
                **(config or {}),
            }
        )

    return make


@pytest.fixture(scope="module")
def quick_probe() -> Iterator[None]:
    """Fit a linear probe with two strengths in two folds, not with seven in five."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "_PROBE", Lbfgs(l2_strengths=(1.0, 0.3), folds=2))
        yield
