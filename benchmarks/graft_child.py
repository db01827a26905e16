"""Run Graft's training process (`worker.training`) on a folder, without the service."""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from app.datasets.manifest import ImageRecord, Split
from app.ml.recipe import Recipe, decide
from app.recipes.defaults import resolve
from app.recipes.schemas import JobRequest
from app.settings import Settings
from app.storage import LocalStorage
from benchmarks.processes import FinishedProcess, run_measured
from worker.training.config import TrainingConfig

_HEARTBEAT_TIMEOUT_SECONDS = 86_400


@dataclass(frozen=True)
class StoredDataset:
    """A folder's images, stored as the service's ingestion stores them."""

    storage_dir: Path
    manifest_key: str
    class_names: list[str]
    digest: str


class TrainingFailed(Exception):
    """The training process failed; the message holds the code and message that it sent."""


def store_dataset(folder: Path, storage_dir: Path) -> StoredDataset:
    """Store `folder/{train,val}/<class>/…` below storage_dir, with a manifest."""
    storage = LocalStorage(storage_dir)
    records: list[ImageRecord] = []
    for path in sorted(folder.glob("*/*/*")):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        key = f"images/{digest[:2]}/{digest}"
        target = storage_dir / key
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        split: Split = "train" if path.parts[-3] == "train" else "val"
        with Image.open(path) as image:
            width, height = image.size
        records.append(
            ImageRecord(
                image_id=len(records) + 1,
                split=split,
                class_name=path.parts[-2],
                path=path.relative_to(folder).as_posix(),
                key=key,
                sha256=digest,
                num_bytes=len(content),
                width=width,
                height=height,
            )
        )
    digest = hashlib.sha256(
        "".join(
            sorted(f"{record.split}/{record.class_name}/{record.sha256}\n" for record in records)
        ).encode()
    ).hexdigest()
    manifest_key = f"datasets/{digest}/manifest.jsonl"
    with storage.new_file(manifest_key) as file:
        file.write("".join(record.model_dump_json() + "\n" for record in records).encode())
    class_names = sorted({record.class_name for record in records})
    return StoredDataset(storage_dir, manifest_key, class_names, digest)


def resolve_recipe(fields: Mapping[str, Any]) -> Recipe:
    """Resolve fields of POST /jobs to the recipe that the service would run on this machine.

    Raises ValidationFailed for fields that the service rejects.
    """
    request = JobRequest.model_validate({"dataset_id": "ds_benchmark", **fields})
    config = resolve(request, dataset_name="any", num_threads=Settings().num_threads, base=None)
    return decide(config)


def configure(
    recipe: Recipe, dataset: StoredDataset, *, weights_dir: Path, device: str
) -> TrainingConfig:
    """Build the configuration that the service would send to the training process."""
    settings = Settings(data_dir=dataset.storage_dir.parent)
    return TrainingConfig(
        job_id="job_benchmark",
        recipe=recipe,
        class_names=dataset.class_names,
        manifest_key=dataset.manifest_key,
        dataset_digest=dataset.digest,
        key_prefix=f"jobs/{uuid4().hex}/1",
        storage_dir=dataset.storage_dir,
        weights_dir=weights_dir,
        weights_download=False,
        cache_dir=settings.image_cache_dir,
        image_cache_bytes=settings.image_cache_bytes,
        device=device,
    )


def train(  # noqa: PLR0913 -- the inputs have nothing in common to group them by
    recipe: Recipe,
    dataset: StoredDataset,
    weights_dir: Path,
    environment: Mapping[str, str],
    log: Path,
    *,
    device: str = "cpu",
) -> FinishedProcess:
    """Run the training process to its end.

    Its first line is `imported`; the others are messages of `worker.protocol`. Raises ProcessFailed
    if the process crashes, and TrainingFailed if it reports an error.
    """
    config = configure(recipe, dataset, weights_dir=weights_dir, device=device)
    finished = run_measured(
        [sys.executable, "-m", "benchmarks.graft_entry"],
        environment,
        log,
        stdin=f"{_HEARTBEAT_TIMEOUT_SECONDS}\n{config.model_dump_json()}\n",
    )
    last = finished.lines[-1].content
    if last["type"] != "trained":
        raise TrainingFailed(f"{last.get('code')}: {last.get('message')}")
    return finished
