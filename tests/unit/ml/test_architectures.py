import pytest
import torch
from torch import nn
from torchvision import models

from app.ml.architectures import build, build_arguments, is_trainable, restore
from app.ml.catalogue import Entry, get_entry, list_entries

HEADS: dict[str, dict[str, tuple[type[nn.Module], int]]] = {
    "resnet18": {"fc": (nn.Linear, 512)},
    "alexnet": {"classifier.6": (nn.Linear, 4096)},
    "vgg11_bn": {"classifier.6": (nn.Linear, 4096)},
    "squeezenet1_0": {"classifier.1": (nn.Conv2d, 512)},
    "densenet121": {"classifier": (nn.Linear, 1024)},
    "inception_v3": {"fc": (nn.Linear, 2048), "AuxLogits.fc": (nn.Linear, 768)},
}


@pytest.mark.parametrize("name", HEADS)
def test_each_head_is_reshaped_in_place(name: str) -> None:
    arguments = build_arguments(name, is_pretrained=False)
    with torch.device("meta"):
        model = build(name, 3, arguments=arguments)
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


@pytest.mark.parametrize("entry", list_entries(), ids=lambda entry: entry.name)
def test_feature_extraction_trains_the_heads_alone(entry: Entry) -> None:
    with torch.device("meta"):
        model = build(
            entry.name,
            3,
            arguments=build_arguments(entry.name, is_pretrained=False),
            learns=lambda name: is_trainable(entry, name, "feature_extract", None),
        )
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    heads = HEADS[entry.name]
    assert trainable == {f"{head}.{part}" for head in heads for part in ("weight", "bias")}


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


def test_inception_from_a_file_equals_inception_from_torchvisions_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    state_dict = models.inception_v3(weights=None, init_weights=False).state_dict()
    entry = models.Inception_V3_Weights.IMAGENET1K_V1
    monkeypatch.setattr(type(entry), "get_state_dict", lambda *_, **__: state_dict)
    theirs = models.inception_v3(weights=entry).eval()
    arguments = build_arguments("inception_v3", is_pretrained=True)
    ours = restore("inception_v3", arguments=arguments, state_dict=state_dict)
    images = torch.randn(1, 3, 299, 299)
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))
        unchanged = restore("inception_v3", arguments={}, state_dict=state_dict)
        assert not torch.equal(unchanged(images), theirs(images))


@pytest.mark.parametrize(
    "name", [entry.name for entry in list_entries() if entry.name != "inception_v3"]
)
def test_only_inception_has_build_arguments(name: str) -> None:
    assert build_arguments(name, is_pretrained=True) == {}
