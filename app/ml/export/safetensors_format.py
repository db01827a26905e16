"""Write a model's weights as safetensors with torchvision's names, and how to build the model."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from app.ml.export.source_model import SourceModel
from app.ml.models.catalogue import HeadSpec
from app.ml.models.checkpoint import separate
from app.ml.models.construction import WithoutMemory, construct, find_final_relu, list_arguments


def write(folder: Path, source: SourceModel, metadata: dict[str, str]) -> None:
    """Write model.safetensors without auxiliary heads, which predictions do not use."""
    auxiliary = _list_auxiliary_prefixes(source)
    tensors = {
        name: tensor
        for name, tensor in source.model.state_dict().items()
        if not name.startswith(auxiliary)
    }
    # Only one metadata entry: safetensors writes several in no fixed order, and the same model
    # should give the same file.
    header = {"graft": json.dumps(metadata)}
    safetensors.torch.save_file(separate(tensors), folder / "model.safetensors", header)


def describe_construction(source: SourceModel) -> dict[str, Any]:
    """Describe how to build the network: torchvision's arguments, and the layers to replace.

    Each replaced layer is a class of `torch.nn` with its arguments.
    """
    header, head = source.header, source.architecture.heads[-1]
    arguments = list_arguments(header.architecture, **header.build_arguments)
    has_final_relu = arguments.pop("final_relu", True)
    if "init_weights" in arguments:
        arguments["init_weights"] = False
    if _list_auxiliary_prefixes(source):
        arguments["aux_logits"] = False
    replaced = {head.name: _describe_head(source.model, head)}
    with WithoutMemory():
        relu = find_final_relu(construct(header.architecture, **arguments), head.name)
    if relu is not None and not has_final_relu:
        replaced[relu] = {"type": "Identity", "arguments": {}}
    return {
        "architecture": header.architecture,
        "build_arguments": arguments,
        "replaced_layers": replaced,
    }


def _list_auxiliary_prefixes(source: SourceModel) -> tuple[str, ...]:
    """Return the prefixes of the names of auxiliary heads' tensors."""
    return tuple(f"{head.name.split('.')[0]}." for head in source.architecture.heads[:-1])


def _describe_head(model: nn.Module, head: HeadSpec) -> dict[str, Any]:
    layer = model.get_submodule(head.name)
    has_bias = layer.bias is not None
    if isinstance(layer, nn.Conv2d):
        arguments: dict[str, Any] = {
            "in_channels": layer.in_channels,
            "out_channels": layer.out_channels,
            "kernel_size": 1,
            "bias": has_bias,
        }
        return {"type": "Conv2d", "arguments": arguments}
    assert isinstance(layer, nn.Linear)  # noqa: S101 - heads are one or the other
    arguments = {
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "bias": has_bias,
    }
    return {"type": "Linear", "arguments": arguments}
