"""Write `catalogue.json` from torchvision: `python -m app.ml.models.catalogue_generator` (minutes).

Models run on torch's meta device, which computes shapes without memory or arithmetic.
"""

import json
import math
from bisect import bisect_left
from functools import partial

import torch
from torch import nn
from torchvision import models

from app.ml.models.catalogue import (
    CATALOGUE_PATH,
    ArchitectureSpec,
    HeadSpec,
    LayerSpec,
    WeightsSpec,
)
from app.ml.models.construction import (
    WithoutMemory,
    construct,
    find_final_relu,
    find_heads,
    list_names,
)

ALIASES = {
    "resnet18": ("resnet",),
    "alexnet": (),
    "vgg11_bn": ("vgg",),
    "squeezenet1_0": ("squeezenet",),
    "densenet121": ("densenet",),
    "inception_v3": ("inception",),
}
"""The architectures of the tutorials, listed first in the catalogue, with the tutorials' names."""
_CONTAINERS = frozenset(
    {"features", "classifier", "layers", "encoder", "encoder.layers", "trunk_output", "blocks"}
)
"""Modules that only contain layers in sequence; their children are the layers."""


def list_in_order() -> list[str]:
    """List the names in the order of the catalogue."""
    return [*ALIASES, *(name for name in list_names() if name not in ALIASES)]


def describe(name: str) -> ArchitectureSpec:
    """Measure one architecture."""
    with WithoutMemory():
        model = construct(name).to("meta")
    heads = find_heads(name)
    weights = _list_weights(name, model)
    input_size = next(published.crop_size for published in weights if published.is_default)
    # Twice the usual size is a multiple of every divisor that an architecture requires.
    is_fixed = not _trains(model, 2, 2 * input_size)
    min_input_size = _find_min_input_size(model, 2, input_size if is_fixed else 1)
    head_names = {f"{head}.{part}" for head in heads for part in ("weight", "bias")}
    return ArchitectureSpec(
        name=name,
        aliases=ALIASES.get(name, ()),
        input_size=input_size,
        fixed_input_size=is_fixed,
        min_input_size=min_input_size,
        min_input_size_batch_of_one=_find_min_input_size(model, 1, min_input_size),
        num_parameters=sum(p.numel() for p in model.parameters()),
        num_backbone_parameters=sum(
            p.numel() for key, p in model.named_parameters() if key not in head_names
        ),
        layers=list_layers(model, heads),
        heads=tuple(_describe_head(model, head) for head in heads),
        weights=weights,
    )


def to_line(architecture: ArchitectureSpec) -> str:
    """Return an architecture's line of the catalogue; default values are left out."""
    values = architecture.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(values, separators=(",", ":"))


def generate() -> str:
    """Generate the text of the catalogue: a JSON list with one architecture per line."""
    return "[\n" + ",\n".join(to_line(describe(name)) for name in list_in_order()) + "\n]\n"


def list_layers(
    model: nn.Module, heads: tuple[str, ...], parent: str = ""
) -> tuple[LayerSpec, ...]:
    """List the backbone's layers in the order of the forward pass; heads inside are not counted."""
    layers: list[LayerSpec] = []
    for name, module in model.named_children():
        path = f"{parent}{name}"
        if path in _CONTAINERS:
            layers += list_layers(module, heads, f"{path}.")
            continue
        count = sum(
            parameter.numel()
            for key, parameter in module.named_parameters(prefix=path)
            if key.rpartition(".")[0] not in heads
        )
        if count:
            layers.append(LayerSpec(name=path, num_parameters=count))
    return tuple(layers)


@torch.inference_mode()
def _trains(model: nn.Module, batch_size: int, size: int) -> bool:
    try:
        model.train()(torch.empty(batch_size, 3, size, size, device="meta"))
    except (AssertionError, RuntimeError, ValueError):
        return False
    return True


def _find_min_input_size(model: nn.Module, batch_size: int, at_least: int) -> int:
    too_small, size = at_least - 1, at_least
    while not _trains(model, batch_size, size):
        too_small, size = size, 2 * size
    sizes = range(too_small + 1, size + 1)
    return sizes[bisect_left(sizes, True, key=partial(_trains, model, batch_size))]


def _describe_head(model: nn.Module, name: str) -> HeadSpec:
    return HeadSpec(
        name=name,
        in_features=model.get_parameter(f"{name}.weight").shape[1],
        is_rectified=find_final_relu(model, name) is not None,
    )


def _list_weights(name: str, model: nn.Module) -> tuple[WeightsSpec, ...]:
    """List the published weights that fit the network.

    This leaves out weights without an accuracy (VGG-16's `IMAGENET1K_FEATURES` has no classifier)
    and weights for another input size (ViT's `IMAGENET1K_SWAG_E2E_V1` has more position
    embeddings). The default is torchvision's if it is listed, else the most accurate.
    """
    published = [
        weights
        for weights in models.get_model_weights(name)
        if math.isfinite(_accuracy(weights))
        and _trains(model, 2, weights.transforms().crop_size[0])
    ]
    default = models.get_model_weights(name).DEFAULT
    if default not in published:
        default = max(published, key=_accuracy)
    return tuple(_describe_weights(weights, default) for weights in published)


def _accuracy(weights: models.Weights) -> float:
    return float(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]) / 100


def _describe_weights(weights: models.Weights, default: models.Weights) -> WeightsSpec:
    preprocessing = weights.transforms()
    return WeightsSpec(
        name=weights.name,
        is_default=weights is default,
        url=weights.url,
        imagenet_accuracy=round(_accuracy(weights), 5),
        gflops=weights.meta["_ops"],
        resize_size=preprocessing.resize_size[0],
        crop_size=preprocessing.crop_size[0],
        mean=preprocessing.mean,
        std=preprocessing.std,
        interpolation=preprocessing.interpolation.value,
    )


if __name__ == "__main__":
    CATALOGUE_PATH.write_text(generate(), encoding="utf-8")
