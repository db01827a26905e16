"""A small real dataset, two small architectures with random weights, and searches on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import shufflenet_v2_x0_5, squeezenet1_0

from app.advice.service import list_recipes
from app.datasets.manifest import Split
from app.jobs.portfolio_schemas import Portfolio
from app.ml.models import timm_weights
from app.ml.recipe import Lbfgs
from app.recipes.defaults import resolve
from app.recipes.schemas import JobRequest
from app.storage import LocalStorage
from tests.unit.training.conftest import Picture, store_manifest
from tests.uploads import draw_picture
from worker.portfolio.config import PortfolioConfig
from worker.portfolio.run import run
from worker.protocol import (
    Decided,
    Message,
    PortfolioChanged,
    Trained,
)
from worker.training.config import TrainingConfig

CLASS_NAMES = ["amber", "blue"]
NUM_IMAGES: dict[Split, int] = {"train": 24, "val": 8}
NETWORKS = {"squeezenet1_0": squeezenet1_0, "shufflenet_v2_x0_5": shufflenet_v2_x0_5}

ONE = {"max_parameters": 500_000}
"""Leaves one of the two architectures."""

Search = Callable[..., PortfolioConfig]


@pytest.fixture(autouse=True)
def lite0_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Hide the weights that come as a Python package, so that only the two networks have any."""
    with monkeypatch.context() as hidden:
        hidden.setattr(timm_weights, "find_package_file", lambda: None)
        yield hidden


class Killed(Exception):
    """The child was killed."""


@dataclass
class Child:
    """Receives the messages of a run, and may be killed by one."""

    kill_at: Callable[[Message], bool] = lambda _: False
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.messages.append(message)
        if self.kill_at(message):
            raise Killed

    def list_of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.messages if isinstance(one, kind)]

    @property
    def portfolio(self) -> Portfolio:
        stored: Portfolio = [
            one for one in self.messages if isinstance(one, PortfolioChanged | Decided)
        ][-1].portfolio
        return stored

    @property
    def trained(self) -> Trained:
        (one,) = [one for one in self.messages if isinstance(one, Trained)]
        return one


def store_pictures(storage: LocalStorage, *, num_more: int = 0) -> str:
    """Store images of which every fourth has the wrong label, so that no head is perfect.

    num_more: further training images of the first class, with right labels.
    """
    pictures: list[Picture] = []
    for split, count in NUM_IMAGES.items():
        for number in range(count):
            shown = CLASS_NAMES[(number + (number % 8 in {0, 5})) % 2]
            content = draw_picture(shown, len(pictures))
            pictures.append((split, CLASS_NAMES[number % 2], content))
    for _ in range(num_more):
        pictures.append(("train", CLASS_NAMES[0], draw_picture(CLASS_NAMES[0], len(pictures))))
    return store_manifest(storage, "1", pictures)


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights of two architectures."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, build in NETWORKS.items():
            save_file(build().state_dict(), folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def search(storage: LocalStorage, weights_dir: Path, tmp_path: Path) -> Search:
    """Make the configuration of a job with a time budget and these fields."""

    def make(num_more: int = 0, **fields: Any) -> PortfolioConfig:
        wanted = {
            "dataset_id": "ds_1",
            "architecture": "auto",
            "strategy": "auto",
            "input_size": 32,
            "time_budget_seconds": 3600,
        }
        request = JobRequest.model_validate(wanted | fields)
        config = resolve(request, dataset_name="colors", num_threads=1, base=None)
        recipes = list_recipes(request, config, None, ("feature_extract", "fine_tune"))
        solver = {"optimizer": Lbfgs(l2_strengths=(1.0, 0.1)), "epochs": 2}
        recipes["feature_extract"] = recipes["feature_extract"].model_copy(update=solver)
        if config.strategy == "feature_extract":
            del recipes["fine_tune"]
        training = TrainingConfig(
            job_id="job_1",
            recipe=recipes["feature_extract"],
            class_names=CLASS_NAMES,
            manifest_key=store_pictures(storage, num_more=num_more),
            dataset_digest="0" * 64,
            key_prefix="jobs/job_1/1",
            storage_dir=storage.root,
            weights_dir=weights_dir,
            weights_download=False,
            cache_dir=tmp_path / "cache",
            image_cache_bytes=10**8,
            device="cpu",
        )
        return PortfolioConfig(
            training=training,
            is_decided=False,
            architecture=config.architecture,
            strategy=config.strategy,
            recipes=recipes,
            input_size=request.input_size,
            max_parameters=request.max_parameters,
            portfolio=Portfolio(job_id="job_1", time_budget_seconds=3600),
        )

    return make


def execute(
    config: PortfolioConfig, child: Child, should_stop: Callable[[], bool] = lambda: False
) -> Child:
    run(config, should_stop=should_stop, send=child.send)
    return child
