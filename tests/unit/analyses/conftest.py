"""A small dataset, random pretrained weights, and configurations of analysis children."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import squeezenet1_0

from app.advice.service import make_advice_request
from app.datasets.manifest import ImageRecord, Split
from app.ml.recipe import decide
from app.recipes.defaults import resolve
from app.recipes.schemas import JobRequest
from app.storage import LocalStorage
from app.validation.dry_run_schemas import DryRunRequest
from tests.uploads import draw_picture
from worker.analysis_config import AnalysisConfig

if TYPE_CHECKING:
    from app.advice.schemas import AdviceRequest

CLASS_NAMES = ["amber", "blue"]
NUM_TRAIN, NUM_VAL = 12, 4

Ask = Callable[..., AnalysisConfig]


def store_pictures(storage: LocalStorage) -> str:
    """Store images and their manifest; return the manifest's key."""
    records: list[ImageRecord] = []
    splits: list[Split] = ["train", "val"]
    for split, count in zip(splits, (NUM_TRAIN, NUM_VAL), strict=True):
        for number in range(count):
            class_name = CLASS_NAMES[number % 2]
            content = draw_picture(class_name, len(records))
            digest = hashlib.sha256(content).hexdigest()
            with storage.new_file(f"images/{digest}") as file:
                file.write(content)
            records.append(
                ImageRecord(
                    image_id=len(records) + 1,
                    split=split,
                    class_name=class_name,
                    path=f"{split}/{class_name}/{number}.jpg",
                    key=f"images/{digest}",
                    sha256=digest,
                    num_bytes=len(content),
                    width=40,
                    height=40,
                )
            )
    with storage.new_file("datasets/1/manifest.jsonl") as file:
        file.writelines(record.model_dump_json().encode() + b"\n" for record in records)
    return "datasets/1/manifest.jsonl"


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of squeezenet1_0."""
    path = tmp_path_factory.mktemp("weights") / "squeezenet1_0.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(squeezenet1_0().state_dict(), path)
    return path


@pytest.fixture
def weights_dir(tmp_path: Path, weights_file: Path) -> Path:
    """A folder whose only pretrained weights are those of squeezenet1_0."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / weights_file.name).symlink_to(weights_file)
    return folder


@pytest.fixture
def ask(storage: LocalStorage, weights_dir: Path, tmp_path: Path) -> Ask:
    """Make the configuration of a child for a job with these fields."""

    def make(*, kind: str = "advise", **fields: object) -> AnalysisConfig:
        request = JobRequest.model_validate(
            {"dataset_id": "ds_1", "architecture": "squeezenet1_0", "input_size": 48} | fields
        )
        config = resolve(request, dataset_name="colors", num_threads=1, base=None)
        question: AdviceRequest | DryRunRequest
        if kind == "advise":
            question = make_advice_request(request, config, None)
        else:
            question = DryRunRequest(recipe=decide(config), model_name="colors")
        return AnalysisConfig(
            question=question,
            class_names=CLASS_NAMES,
            num_images={"train": NUM_TRAIN, "val": NUM_VAL},
            manifest_key=store_pictures(storage),
            dataset_digest="0" * 64,
            storage_dir=storage.root,
            weights_dir=weights_dir,
            weights_download=False,
            cache_dir=tmp_path / "cache",
            image_cache_bytes=0,
            device="cpu",
            num_threads=2,
        )

    return make
