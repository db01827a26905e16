import json
import subprocess
import sys

import pytest
import torch
from torchvision import models

from app.errors import ValidationFailed
from app.ml.models.architectures import build
from app.ml.models.catalogue import (
    CATALOGUE_PATH,
    get_architecture,
    list_architectures,
    num_trainable_parameters,
)
from app.ml.models.catalogue_generator import list_in_order

ENTRIES = list_architectures()


def test_the_catalogue_lists_all_architectures_the_tutorials_first() -> None:
    names = [architecture.name for architecture in ENTRIES]
    assert names[:6] == [
        *("resnet18", "alexnet", "vgg11_bn", "squeezenet1_0", "densenet121", "inception_v3"),
    ]
    assert names[6:] == sorted(names[6:])
    assert set(names) == set(models.list_models(module=models))


def test_the_catalogue_has_a_line_for_each_architecture() -> None:
    lines = CATALOGUE_PATH.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line.rstrip(","))["name"] for line in lines[1:-1]] == list_in_order()


def test_the_catalogue_is_read_without_torch() -> None:
    code = (
        "import sys, app.ml.models.catalogue as c; c.list_architectures(); "
        "print('torch' in sys.modules)"
    )
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
    assert get_architecture(alias).name == name


def test_an_unknown_architecture_lists_similar_names_and_the_route() -> None:
    with pytest.raises(
        ValidationFailed, match=r"did you mean `resnet18`.* GET /architectures"
    ) as caught:
        get_architecture("Resnet-18")
    allowed = caught.value.problems[0].allowed
    assert allowed is not None
    assert allowed[0] == "resnet18"
    assert len(allowed) < 5


def test_imagenet_means_the_default_weights_and_unknown_ones_raise() -> None:
    architecture = get_architecture("inception_v3")
    assert architecture.get_weights("imagenet") is architecture.get_weights("IMAGENET1K_V1")
    with pytest.raises(ValidationFailed) as caught:
        architecture.get_weights("IMAGENET1K_V9")
    assert caught.value.problems[0].allowed == ("pretrained", "imagenet", "none", "IMAGENET1K_V1")


@pytest.mark.parametrize(
    ("name", "weights", "reason"),
    [
        ("vgg16", "IMAGENET1K_FEATURES", "has no classifier"),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", "belongs to a network of 384 pixels"),
        ("vit_h_14", "IMAGENET1K_SWAG_E2E_V1", "belongs to a network of 518 pixels"),
    ],
)
def test_weights_that_do_not_fit_the_network_are_not_offered(
    name: str, weights: str, reason: str
) -> None:
    assert weights in {published.name for published in models.get_model_weights(name)}, reason
    with pytest.raises(ValidationFailed):
        get_architecture(name).get_weights(weights)
    assert (
        get_architecture(name).get_weights("imagenet").crop_size
        == get_architecture(name).input_size
    )


@pytest.mark.parametrize(
    ("name", "size", "allowed"),
    [
        ("resnet18", 1, None),
        ("squeezenet1_0", 20, ">= 21"),
        ("squeezenet1_0", 21, None),
        ("inception_v3", 298, ">= 299"),
        ("vit_b_32", 256, "224"),
        ("vit_b_32", 224, None),
        ("maxvit_t", 448, "224"),
        ("maxvit_t", 192, "224"),
        ("swin_t", 100, None),
    ],
)
def test_an_unusable_input_size_raises_with_the_allowed_sizes(
    name: str, size: int, allowed: str | None
) -> None:
    if allowed is None:
        get_architecture(name).check_input_size(size, batch_size=2)
        return
    with pytest.raises(ValidationFailed) as caught:
        get_architecture(name).check_input_size(size, batch_size=2)
    [problem] = caught.value.problems
    assert (problem.loc, problem.allowed) == (("input_size",), (allowed,))


def test_a_batch_of_one_needs_a_larger_input() -> None:
    get_architecture("resnet18").check_input_size(32, batch_size=2)
    with pytest.raises(ValidationFailed):
        get_architecture("resnet18").check_input_size(32, batch_size=1)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("convnext_tiny", ("features.0", "features.7", "classifier.0")),
        ("vit_b_32", ("conv_proj", "encoder.layers.encoder_layer_11", "encoder.ln")),
        ("swin_t", ("features.0", "features.7", "norm")),
        ("regnet_y_400mf", ("stem", "trunk_output.block1", "trunk_output.block4")),
        ("maxvit_t", ("stem", "blocks.0", "blocks.3", "classifier.3")),
        ("mnasnet0_5", ("layers.0", "layers.15")),
        ("mobilenet_v3_small", ("features.0", "features.12", "classifier.0")),
        ("shufflenet_v2_x0_5", ("conv1", "stage2", "stage4", "conv5")),
        ("googlenet", ("conv1", "inception3a", "inception5b")),
    ],
)
def test_layers_have_the_names_of_stages(name: str, layers: tuple[str, ...]) -> None:
    names = [layer.name for layer in get_architecture(name).layers]
    assert [layer for layer in names if layer in layers] == list(layers)
    assert (names[0], names[-1]) == (layers[0], layers[-1])


def test_parameters_outside_every_layer_are_trained_by_fine_tune_only() -> None:
    architecture = get_architecture("vit_b_32")
    loose = 768 * (1 + 1 + 7 * 7)
    layers = sum(layer.num_parameters for layer in architecture.layers)
    assert architecture.num_backbone_parameters - layers == loose
    everything = num_trainable_parameters(architecture, "fine_tune", None, 2)
    from_the_first = num_trainable_parameters(architecture, "partial", "conv_proj", 2)
    assert everything - from_the_first == loose


def test_an_unknown_layer_raises_with_all_layers() -> None:
    architecture = get_architecture("resnet18")
    with pytest.raises(ValidationFailed) as caught:
        num_trainable_parameters(architecture, "partial", "layer9", 2)
    assert caught.value.problems[0].allowed == (
        *("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
    )


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0"])
def test_the_smallest_input_size_trains_and_a_smaller_one_fails(name: str, batch_size: int) -> None:
    size = get_architecture(name).get_min_input_size(batch_size)
    model = build(name, 2, arguments={})
    model(torch.zeros(batch_size, 3, size, size)).sum().backward()
    with pytest.raises((RuntimeError, ValueError)):
        model(torch.zeros(batch_size, 3, size - 1, size - 1))
