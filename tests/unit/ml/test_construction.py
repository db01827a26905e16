import pytest
import torch
from torch import nn
from torchvision import models

from app.ml.models.construction import (
    WithoutMemory,
    construct,
    find_final_relu,
    find_heads,
    list_names,
    load_tensors,
)


def test_only_classifiers_are_listed() -> None:
    names = list_names()
    assert {"resnet18", "vit_b_16", "maxvit_t"} <= set(names)
    assert not {"fasterrcnn_resnet50_fpn", "raft_large", "quantized_resnet18"} & set(names)
    assert names == sorted(names)


def test_auxiliary_heads_are_found_and_the_main_one_is_last() -> None:
    assert find_heads("inception_v3") == ("AuxLogits.fc", "fc")
    assert find_heads("googlenet", aux_logits=True) == ("aux1.fc2", "aux2.fc2", "fc")
    assert find_heads("squeezenet1_1") == ("classifier.1",)


@pytest.mark.parametrize("name", ["regnet_y_400mf", "vit_b_32", "swin_v2_t"])
def test_without_memory_allocates_almost_nothing(name: str) -> None:
    with WithoutMemory():
        model = construct(name)
    tensors = model.state_dict().values()
    allocated = sum(tensor.numel() for tensor in tensors if tensor.device.type == "cpu")
    assert allocated < 0.02 * sum(tensor.numel() for tensor in tensors)
    assert construct("squeezenet1_1").get_parameter("features.0.weight").device.type == "cpu"


def test_the_final_relu_is_the_one_after_the_head() -> None:
    head = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.Identity(), nn.ReLU())
    assert find_final_relu(nn.ModuleDict({"a": head}), "a.1") == "a.3"
    assert find_final_relu(nn.ModuleDict({"a": head[:3]}), "a.1") is None
    assert find_final_relu(models.squeezenet1_1(), "classifier.1") == "classifier.2"


@pytest.mark.parametrize("name", ["mnasnet0_5", "squeezenet1_1"])
def test_tensors_without_a_version_are_loaded(name: str) -> None:
    model = construct(name)
    tensors = {key: torch.ones_like(tensor) for key, tensor in model.state_dict().items()}
    assert load_tensors(model, tensors) == ([], [])
    assert all((tensor == 1).all() for tensor in model.state_dict().values())
    first = next(iter(tensors))
    del tensors[first]
    with pytest.raises(RuntimeError, match="Missing"):
        load_tensors(model, tensors)
    assert load_tensors(model, tensors, strict=False) == ([first], [])
