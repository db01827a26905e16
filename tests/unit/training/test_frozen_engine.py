"""Frozen layers run in OpenVINO where there are many images, with PyTorch's outputs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from app.ml.models.catalogue import get_architecture
from app.ml.runtime.precision import ResolvedPrecision
from tests.unit.training.conftest import MakeConfig
from tests.unit.training.runs import epochs_of, started, train
from tests.unit.training.test_frozen import SIZES, images_for, make_model, make_recipe
from tests.unit.training.test_solve import make_solved
from worker.training import frozen_engine
from worker.training.frozen import split_model
from worker.training.frozen_engine import MIN_IMAGES, choose_engine, compile_layers

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "precision", "num_images", "engine"),
    [
        ("cpu", "fp32", MIN_IMAGES, "openvino"),
        ("cpu", "fp32", MIN_IMAGES - 1, "torch"),
        ("cpu", "bf16", MIN_IMAGES, "torch"),
        ("cuda", "fp32", MIN_IMAGES, "torch"),
    ],
)
def test_the_engine_follows_from_device_precision_and_number_of_images(
    device: str, precision: ResolvedPrecision, num_images: int, engine: str
) -> None:
    assert choose_engine(torch.device(device), precision, num_images) == engine


def test_without_openvino_everything_runs_in_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_engine, "find_spec", lambda _: None)
    assert choose_engine(CPU, "fp32", MIN_IMAGES) == "torch"


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("squeezenet1_0", None),
        ("resnet18", "layer3"),
        ("densenet121", "features.denseblock3"),
        ("vit_b_16", None),
        ("timm:resnet10t", None),
    ],
)
def test_compiled_layers_give_the_same_outputs_in_every_thread(
    make_config: MakeConfig, name: str, layer: str | None
) -> None:
    recipe = make_recipe(make_config, name, layer)
    model = make_model(name, recipe.strategy, layer)
    layers = split_model(model, get_architecture(name), recipe).frozen
    compiled = compile_layers(layers, SIZES.get(name, 64), 2)
    assert compiled is not None
    batches = [images_for(name, number) for number in (1, 2, 3, 4)]
    with ThreadPoolExecutor(2) as threads:
        outputs = list(threads.map(compiled, batches))
    for images, output in zip(batches, outputs, strict=True):
        with torch.no_grad():
            torch.testing.assert_close(output, layers(images), rtol=1e-3, atol=1e-4)


class _Bessel(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = torch.special.bessel_j0(images)
        return outputs


def test_layers_that_cannot_be_converted_stay_in_pytorch(caplog: pytest.LogCaptureFixture) -> None:
    assert compile_layers(_Bessel(), 8, 1) is None
    assert "OpenVINO cannot convert them" in caplog.text


def test_layers_whose_outputs_differ_stay_in_pytorch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(frozen_engine, "_TOLERANCE", -1.0)
    assert compile_layers(nn.Conv2d(3, 4, 3), 8, 1) is None
    assert "OpenVINO differs" in caplog.text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"strategy": "partial", "trainable_from": "stage4", "optimizer": {"name": "adamw"}},
        {
            "strategy": "fine_tune",
            "optimizer": {"name": "sgd", "learning_rate": 1e-6},
            "epochs": 1,
            "cached_views": None,
            "head_start": "linear_probe",
        },
    ],
    ids=["solved head", "partial", "head start"],
)
def test_a_job_says_which_engine_ran_its_frozen_layers(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]
) -> None:
    def run(min_images: int) -> tuple[str | None, list[float]]:
        monkeypatch.setattr(frozen_engine, "MIN_IMAGES", min_images)
        said = train(make_solved(make_config, "shufflenet_v2_x0_5", **fields))
        return started(said).resolved.frozen_engine, [row.val_loss for row in epochs_of(said)]

    (engine, losses), (plain_engine, plain_losses) = run(1), run(1000)
    assert (engine, plain_engine) == ("openvino", "torch")
    assert losses == pytest.approx(plain_losses, rel=1e-3)
