import inspect

import pytest
import torch
from torch import nn
from torchvision import models

from app.ml.models.architectures import build, build_arguments, is_trainable, restore
from app.ml.models.catalogue import get_architecture, list_architectures
from app.ml.models.construction import WithoutMemory

HEADS: dict[str, dict[str, tuple[type[nn.Module], int]]] = {
    "resnet18": {"fc": (nn.Linear, 512)},
    "alexnet": {"classifier.6": (nn.Linear, 4096)},
    "vgg11_bn": {"classifier.6": (nn.Linear, 4096)},
    "squeezenet1_0": {"classifier.1": (nn.Conv2d, 512)},
    "densenet121": {"classifier": (nn.Linear, 1024)},
    "inception_v3": {"fc": (nn.Linear, 2048), "AuxLogits.fc": (nn.Linear, 768)},
    "googlenet": {"fc": (nn.Linear, 1024)},
    "maxvit_t": {"classifier.5": (nn.Linear, 512)},
    "mobilenet_v2": {"classifier.1": (nn.Linear, 1280)},
    "regnet_y_400mf": {"fc": (nn.Linear, 440)},
    "squeezenet1_1": {"classifier.1": (nn.Conv2d, 512)},
    "swin_t": {"head": (nn.Linear, 768)},
    "vit_b_32": {"heads.head": (nn.Linear, 768)},
}


@pytest.mark.parametrize("name", HEADS)
def test_each_head_is_reshaped_in_place(name: str) -> None:
    arguments = build_arguments(name, is_pretrained=False)
    with WithoutMemory():
        model = build(name, 3, arguments=arguments).to("meta")
    for path, (kind, in_features) in HEADS[name].items():
        assert isinstance(model.get_submodule(path), kind)
        assert model.get_parameter(f"{path}.weight").shape[:2] == (3, in_features)
    size = get_architecture(name).input_size
    scores = model.eval()(torch.empty(2, 3, size, size, device="meta"))
    assert scores.shape == (2, 3)


def test_squeezenet_keeps_its_layers_around_the_new_convolution() -> None:
    model = build("squeezenet1_0", 3, arguments={})
    classifier = model.get_submodule("classifier")
    assert [type(layer).__name__ for layer in classifier.children()] == [
        *("Dropout", "Conv2d", "ReLU", "AdaptiveAvgPool2d"),
    ]
    assert model.num_classes == 3
    assert model.get_parameter("classifier.1.weight").shape == (3, 512, 1, 1)


@pytest.mark.parametrize("name", HEADS)
def test_feature_extraction_trains_only_the_heads(name: str) -> None:
    architecture = get_architecture(name)
    with WithoutMemory():
        model = build(
            name,
            3,
            arguments=build_arguments(name, is_pretrained=False),
            is_trained=lambda parameter: is_trainable(
                architecture, parameter, "feature_extract", None
            ),
        )
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {f"{head}.{part}" for head in HEADS[name] for part in ("weight", "bias")}


def test_partial_trains_from_the_named_layer_to_the_end() -> None:
    architecture = get_architecture("resnet18")
    model = build(
        "resnet18",
        3,
        arguments={},
        is_trained=lambda name: is_trainable(architecture, name, "partial", "layer4"),
    )
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert {name.split(".")[0] for name in frozen} == {"conv1", "bn1", "layer1", "layer2", "layer3"}
    assert model.get_parameter("layer4.0.conv1.weight").requires_grad


def test_layers_with_a_common_prefix_are_distinguished() -> None:
    architecture = get_architecture("squeezenet1_0")
    assert not is_trainable(architecture, "features.3.squeeze.weight", "partial", "features.12")
    assert not is_trainable(architecture, "classifier.10.weight", "feature_extract", None)


def test_build_copies_the_state_dict() -> None:
    source = models.squeezenet1_0(weights=None).state_dict()
    model = build("squeezenet1_0", 3, arguments={}, state_dict=source)
    assert torch.equal(model.get_parameter("features.0.weight"), source["features.0.weight"])
    with torch.no_grad():
        model.get_parameter("features.0.weight").zero_()
    assert source["features.0.weight"].any()


def test_build_keeps_the_head_without_num_classes() -> None:
    first = build("squeezenet1_0", 3, arguments={})
    second = build("squeezenet1_0", None, arguments={}, state_dict=first.state_dict())
    assert torch.equal(
        first.get_parameter("classifier.1.weight"), second.get_parameter("classifier.1.weight")
    )


@pytest.mark.parametrize("keys", ["none", "other"])
def test_a_state_dict_of_another_model_raises(keys: str) -> None:
    state_dict = {} if keys == "none" else models.resnet18(weights=None).state_dict()
    with pytest.raises((KeyError, RuntimeError)):
        build("squeezenet1_0", 3, arguments={}, state_dict=state_dict)


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_a_network_from_a_file_equals_one_from_torchvisions_hub(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    published = models.get_model(name, weights=None, init_weights=False).state_dict()
    architecture = models.get_model_weights(name).DEFAULT
    monkeypatch.setattr(type(architecture), "get_state_dict", lambda *_, **__: published)
    theirs = models.get_model(name, weights=architecture).eval()
    arguments = build_arguments(name, is_pretrained=True)
    ours = restore(name, arguments=arguments, state_dict=theirs.state_dict())
    images = torch.randn(1, 3, 299, 299)
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))
        unchanged = restore(name, arguments={}, state_dict=theirs.state_dict())
        assert not torch.equal(unchanged(images), theirs(images))


def test_only_two_architectures_set_transform_input() -> None:
    names = {
        architecture.name
        for architecture in list_architectures()
        if "transform_input"
        in inspect.signature(models.get_model_builder(architecture.name)).parameters
        or build_arguments(architecture.name, is_pretrained=True)
    }
    assert names == {"inception_v3", "googlenet"}


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_a_linear_head_has_no_relu_and_the_arguments_record_it(name: str) -> None:
    arguments = build_arguments(name, is_pretrained=True, head="linear")
    assert arguments == {"final_relu": False}
    model = build(name, 3, arguments=arguments)
    nn.init.constant_(model.get_parameter("classifier.1.bias"), -100.0)
    images = torch.randn(2, 3, 64, 64)
    assert (model.eval()(images) < 0).all()
    restored = restore(name, arguments=arguments, state_dict=model.state_dict())
    assert torch.equal(restored(images), model(images))
    rectified = restore(name, arguments={}, state_dict=model.state_dict())
    assert (rectified(images) == 0).all()


def test_only_squeezenet_needs_another_linear_head() -> None:
    assert {
        architecture.name
        for architecture in list_architectures()
        if build_arguments(architecture.name, is_pretrained=False, head="linear")
        != build_arguments(architecture.name, is_pretrained=False, head="torchvision")
    } == {"squeezenet1_0", "squeezenet1_1"}


def test_a_new_head_has_a_bias_where_torchvisions_has_none() -> None:
    published = models.maxvit_t(weights=None, input_size=(224, 224)).state_dict()
    assert "classifier.5.bias" not in published
    model = build("maxvit_t", 3, arguments={}, state_dict=published)
    assert model.get_parameter("classifier.5.bias").shape == (3,)
    again = restore("maxvit_t", arguments={}, state_dict=model.state_dict())
    assert torch.equal(
        again.get_parameter("classifier.5.bias"), model.get_parameter("classifier.5.bias")
    )
    untouched = restore("maxvit_t", arguments={}, state_dict=published)
    assert untouched.state_dict().keys() == published.keys()
