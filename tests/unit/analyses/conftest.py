"""A small dataset, random pretrained weights, and configurations of analysis children."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import squeezenet1_0

from app.advice.service import make_advice_request
from app.ml.recipe import decide
from app.recipes.defaults import resolve
from app.recipes.schemas import JobRequest
from app.storage import LocalStorage
from app.validation.dry_run_schemas import DryRunRequest
from tests.unit.training.conftest import Picture, store_manifest
from tests.uploads import draw_picture
from worker.advice import timing
from worker.analysis_config import AnalysisConfig

if TYPE_CHECKING:
    from app.advice.schemas import AdviceRequest
    from app.datasets.manifest import Split

CLASS_NAMES = ["amber", "blue"]
NUM_TRAIN, NUM_VAL = 12, 4

Ask = Callable[..., AnalysisConfig]


def store_pictures(storage: LocalStorage, *, num_mislabelled: int = 0) -> str:
    """Store images and their manifest; return the manifest's key.

    num_mislabelled: further training images of the second class that show the first.
    """
    pictures: list[Picture] = []
    counts: dict[Split, int] = {"train": NUM_TRAIN, "val": NUM_VAL}
    for split, count in counts.items():
        for number in range(count):
            class_name = CLASS_NAMES[number % 2]
            pictures.append((split, class_name, draw_picture(class_name, len(pictures))))
    for _ in range(num_mislabelled):
        pictures.append(("train", CLASS_NAMES[1], draw_picture(CLASS_NAMES[0], len(pictures))))
    return store_manifest(storage, "1", pictures)


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

    def make(*, kind: str = "advise", num_mislabelled: int = 0, **fields: object) -> AnalysisConfig:
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
            manifest_key=store_pictures(storage, num_mislabelled=num_mislabelled),
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


@pytest.fixture
def engine_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An engine for frozen layers that takes 0.1 s per image; the sizes of the batches it ran."""
    sizes: list[int] = []

    def compile_slowly(*_: object) -> Callable[[Tensor], Tensor]:
        def run(images: Tensor) -> Tensor:
            sizes.append(len(images))
            time.sleep(0.1 * len(images))
            return torch.zeros(len(images), 1)

        return run

    monkeypatch.setattr(timing, "compile_layers", compile_slowly)
    return sizes
