import inspect

import pytest
import torch
from torch import nn
from torchvision import models

from app.ml.models.architectures import build, build_arguments, is_trainable, restore
from app.ml.models.catalogue import get_entry, list_entries
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
    size = get_entry(name).input_size
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
def test_feature_extraction_trains_the_heads_alone(name: str) -> None:
    entry = get_entry(name)
    with WithoutMemory():
        model = build(
            name,
            3,
            arguments=build_arguments(name, is_pretrained=False),
            learns=lambda parameter: is_trainable(entry, parameter, "feature_extract", None),
        )
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {f"{head}.{part}" for head in HEADS[name] for part in ("weight", "bias")}


def test_partial_trains_from_the_named_layer_to_the_end() -> None:
    entry = get_entry("resnet18")
    model = build(
        "resnet18",
        3,
        arguments={},
        learns=lambda name: is_trainable(entry, name, "partial", "layer4"),
    )
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert {name.split(".")[0] for name in frozen} == {"conv1", "bn1", "layer1", "layer2", "layer3"}
    assert model.get_parameter("layer4.0.conv1.weight").requires_grad


def test_a_layer_is_not_taken_for_another_with_the_same_beginning() -> None:
    entry = get_entry("squeezenet1_0")
    assert not is_trainable(entry, "features.3.squeeze.weight", "partial", "features.12")
    assert not is_trainable(entry, "classifier.10.weight", "feature_extract", None)


def test_given_weights_are_kept_and_the_source_stays_as_it_is() -> None:
    source = models.squeezenet1_0(weights=None).state_dict()
    model = build("squeezenet1_0", 3, arguments={}, state_dict=source)
    assert torch.equal(model.get_parameter("features.0.weight"), source["features.0.weight"])
    with torch.no_grad():
        model.get_parameter("features.0.weight").zero_()
    assert source["features.0.weight"].any()


def test_a_head_is_kept_where_no_number_of_classes_is_given() -> None:
    first = build("squeezenet1_0", 3, arguments={})
    second = build("squeezenet1_0", None, arguments={}, state_dict=first.state_dict())
    assert torch.equal(
        first.get_parameter("classifier.1.weight"), second.get_parameter("classifier.1.weight")
    )


@pytest.mark.parametrize("keys", ["none", "other"])
def test_weights_of_something_else_do_not_fit(keys: str) -> None:
    state_dict = {} if keys == "none" else models.resnet18(weights=None).state_dict()
    with pytest.raises((KeyError, RuntimeError)):
        build("squeezenet1_0", 3, arguments={}, state_dict=state_dict)


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_a_network_from_a_file_equals_one_from_torchvisions_hub(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    published = models.get_model(name, weights=None, init_weights=False).state_dict()
    entry = models.get_model_weights(name).DEFAULT
    monkeypatch.setattr(type(entry), "get_state_dict", lambda *_, **__: published)
    theirs = models.get_model(name, weights=entry).eval()
    arguments = build_arguments(name, is_pretrained=True)
    ours = restore(name, arguments=arguments, state_dict=theirs.state_dict())
    images = torch.randn(1, 3, 299, 299)
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))
        unchanged = restore(name, arguments={}, state_dict=theirs.state_dict())
        assert not torch.equal(unchanged(images), theirs(images))


def test_only_two_networks_undo_another_normalisation() -> None:
    names = {
        entry.name
        for entry in list_entries()
        if "transform_input" in inspect.signature(models.get_model_builder(entry.name)).parameters
        or build_arguments(entry.name, is_pretrained=True)
    }
    assert names == {"inception_v3", "googlenet"}


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_a_linear_head_has_no_relu_and_says_so_in_its_arguments(name: str) -> None:
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


def test_only_squeezenet_builds_its_linear_head_otherwise() -> None:
    assert {
        entry.name
        for entry in list_entries()
        if build_arguments(entry.name, is_pretrained=False, head="linear")
        != build_arguments(entry.name, is_pretrained=False, head="torchvision")
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
