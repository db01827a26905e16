import subprocess
import sys
from functools import partial

import pytest
import torch
from torchvision import models

from app.errors import ValidationFailed
from app.ml.architectures import build, build_arguments, is_trainable
from app.ml.catalogue import (
    CATALOGUE_PATH,
    Entry,
    get_entry,
    list_entries,
    num_parameters,
    num_trainable_parameters,
)
from app.ml.catalogue_generator import generate
from app.ml.recipe import Strategy

ENTRIES = list_entries()


def test_the_stored_catalogue_is_what_the_generator_writes() -> None:
    assert CATALOGUE_PATH.read_text(encoding="utf-8") == generate()


def test_the_catalogue_is_read_without_torch() -> None:
    code = "import sys, app.ml.catalogue as c; c.list_entries(); print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("resnet", "resnet18"),
        ("vgg", "vgg11_bn"),
        ("squeezenet", "squeezenet1_0"),
        ("densenet", "densenet121"),
        ("inception", "inception_v3"),
        ("alexnet", "alexnet"),
        ("resnet18", "resnet18"),
    ],
)
def test_tutorial_names_are_aliases(alias: str, name: str) -> None:
    assert get_entry(alias).name == name


def test_an_unknown_architecture_lists_the_known_ones() -> None:
    with pytest.raises(ValidationFailed) as caught:
        get_entry("resnet19")
    assert caught.value.problems[0].allowed == tuple(entry.name for entry in ENTRIES)


def test_imagenet_means_the_default_weights_and_unknown_weights_list_the_known() -> None:
    entry = get_entry("inception_v3")
    assert entry.get_weights("imagenet") is entry.get_weights("IMAGENET1K_V1")
    with pytest.raises(ValidationFailed) as caught:
        entry.get_weights("IMAGENET1K_V9")
    assert caught.value.problems[0].allowed == ("imagenet", "none", "IMAGENET1K_V1")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_weights_are_described_as_torchvision_does(entry: Entry) -> None:
    published = models.get_model_weights(entry.name).DEFAULT
    weights = entry.get_weights("imagenet")
    assert weights.url == published.url
    assert weights.url.endswith(f"-{weights.sha256_prefix}.pth")
    assert entry.num_parameters == published.meta["num_params"]
    assert weights.crop_size == published.transforms().crop_size[0]


def _learns(entry: Entry, strategy: Strategy, trainable_from: str | None, name: str) -> bool:
    return is_trainable(entry, name, strategy, trainable_from)


@pytest.mark.parametrize("strategy", ["feature_extract", "fine_tune", "partial", "scratch"])
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_parameters_are_counted_as_a_built_model_has_them(entry: Entry, strategy: Strategy) -> None:
    layers: list[str | None] = [None]
    if strategy == "partial":
        layers = [layer.name for layer in entry.layers]
    for trainable_from in layers:
        learns = partial(_learns, entry, strategy, trainable_from)
        arguments = build_arguments(entry.name, is_pretrained=False)
        with torch.device("meta"):
            model = build(entry.name, 7, arguments=arguments, learns=learns)
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert num_trainable_parameters(entry, strategy, trainable_from, 7) == trainable
        assert num_parameters(entry, 7) == sum(p.numel() for p in model.parameters())


def test_an_unknown_layer_lists_the_known_ones() -> None:
    entry = get_entry("resnet18")
    with pytest.raises(ValidationFailed) as caught:
        num_trainable_parameters(entry, "partial", "layer9", 2)
    assert caught.value.problems[0].allowed == (
        *("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
    )


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0"])
def test_the_smallest_input_trains_and_a_smaller_one_does_not(name: str, batch_size: int) -> None:
    size = get_entry(name).get_min_input_size(batch_size)
    model = build(name, 2, arguments={})
    model(torch.zeros(batch_size, 3, size, size)).sum().backward()
    with pytest.raises((RuntimeError, ValueError)):
        model(torch.zeros(batch_size, 3, size - 1, size - 1))
