"""Trainings of an architecture of timm, by every strategy."""

import pytest
import torch
from torch import fx

from app.errors import ValidationFailed
from app.ml.models import timm_catalogue
from app.ml.models.checkpoint import load, restore_model
from app.ml.models.lite0_package import LITE0, find_package_file
from app.storage import LocalStorage
from tests.unit.training.conftest import MakeConfig
from tests.unit.training.runs import train, trained
from worker.training.starting_model import start_model

SIZE = 48

pytestmark = pytest.mark.skipif(find_package_file() is None, reason="needs the packaged weights")


@pytest.mark.parametrize(
    ("strategy", "weights", "recipe"),
    [
        (
            "feature_extract",
            "pretrained",
            {
                "optimizer": {"name": "lbfgs", "l2_strengths": [0.1, 0.01]},
                "batch_norm": "eval",
                "cached_views": 1,
                "augmentation": {"name": "none"},
            },
        ),
        ("partial", "in1k", {"trainable_from": "blocks.6", "layer_decay": 0.5}),
        (
            "partial",
            "in1k",
            {"trainable_from": "blocks.6", "cached_views": 1, "batch_norm": "eval"},
        ),
        ("fine_tune", "imagenet", {}),
        ("scratch", "none", {}),
    ],
)
def test_every_strategy_trains_a_model_of_timm(
    make_config: MakeConfig,
    storage: LocalStorage,
    strategy: str,
    weights: str,
    recipe: dict[str, object],
) -> None:
    config = make_config(
        architecture=LITE0, strategy=strategy, weights=weights, input_size=SIZE, **recipe
    )
    start, first = start_model(config, storage)
    said = train(config)
    model, header = restore_model(load(storage.path(trained(said).model_key)))
    assert header.architecture == LITE0
    assert header.weights.source == ("none" if weights == "none" else "package")
    is_stem_kept = torch.equal(
        model.get_parameter("conv_stem.weight"), start.get_parameter("conv_stem.weight")
    )
    assert is_stem_kept == (strategy in {"feature_extract", "partial"})
    assert header.preprocessing == first.preprocessing
    with torch.no_grad():
        assert model(torch.zeros(1, 3, SIZE, SIZE)).shape == (1, 2)


def test_images_are_prepared_as_the_weights_need_it(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    config = make_config(
        architecture=LITE0, strategy="fine_tune", weights="pretrained", input_size=112
    )
    _, header = start_model(config, storage)
    spec = header.preprocessing
    assert (spec.mean, spec.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert (spec.input_size, spec.resize_size, spec.interpolation) == (112, 128, "bicubic")


def test_layers_that_cannot_be_run_once_are_named(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trace(*_: object) -> None:
        raise TypeError("the forward pass depends on a value")

    monkeypatch.setattr(fx.Tracer, "trace", trace)
    config = make_config(
        architecture=LITE0,
        strategy="partial",
        weights="pretrained",
        trainable_from="blocks.6",
        cached_views=1,
        batch_norm="eval",
        input_size=SIZE,
    )
    with pytest.raises(ValidationFailed) as caught:
        train(config)
    (problem,) = caught.value.problems
    assert problem.loc == ("cached_views",)
    assert "cannot be split before blocks.6" in problem.message


def test_the_extra_is_named_where_timm_is_missing() -> None:
    assert "graft-server[timm]" in timm_catalogue.INSTALL
