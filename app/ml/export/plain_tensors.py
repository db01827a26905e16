"""A model as safetensors under torchvision's own names, for a model that torchvision builds."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from app.ml.export.original import Original
from app.ml.models.catalogue import Head
from app.ml.models.construction import WithoutMemory, construct, find_final_relu, list_arguments


def write(folder: Path, original: Original, about: dict[str, str]) -> None:
    """Write model.safetensors; auxiliary heads, which no answer needs, are left out."""
    tensors = {
        name: tensor.contiguous()
        for name, tensor in original.model.state_dict().items()
        if not name.startswith(_auxiliary(original))
    }
    # One entry: several are written in no fixed order, and the same model should be the same file.
    metadata = {"graft": json.dumps(about)}
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata)


def describe_construction(original: Original) -> dict[str, Any]:
    """How the network is built without this service: torchvision's arguments, then layers replaced.

    Each replaced layer is a class of `torch.nn` with its arguments.
    """
    header, head = original.header, original.entry.heads[-1]
    arguments = list_arguments(header.architecture, **header.build_arguments)
    has_final_relu = arguments.pop("final_relu", True)
    if "init_weights" in arguments:
        arguments["init_weights"] = False
    if _auxiliary(original):
        arguments["aux_logits"] = False
    replaced = {head.name: _describe_head(original.model, head)}
    with WithoutMemory():
        relu = find_final_relu(construct(header.architecture, **arguments), head.name)
    if relu is not None and not has_final_relu:
        replaced[relu] = {"type": "Identity", "arguments": {}}
    return {
        "architecture": header.architecture,
        "build_arguments": arguments,
        "replaced_layers": replaced,
    }


def _auxiliary(original: Original) -> tuple[str, ...]:
    """What the names of auxiliary heads' tensors begin with."""
    return tuple(f"{head.name.split('.')[0]}." for head in original.entry.heads[:-1])


def _describe_head(model: nn.Module, head: Head) -> dict[str, Any]:
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
