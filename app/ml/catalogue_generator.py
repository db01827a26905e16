"""Write `catalogue.json` from torchvision: `python -m app.ml.catalogue_generator`.

Models are built on torch's meta device: shapes and parameter counts without memory or time.
"""

from bisect import bisect_left
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import torch
from pydantic import TypeAdapter
from torch import nn
from torchvision import models

from app.ml.catalogue import CATALOGUE_PATH, Entry, Head, Layer, WeightsEntry

ALIASES = {
    "resnet18": ("resnet",),
    "alexnet": ("alexnet",),
    "vgg11_bn": ("vgg",),
    "squeezenet1_0": ("squeezenet",),
    "densenet121": ("densenet",),
    "inception_v3": ("inception",),
}
HEADS = {
    "resnet18": ("fc",),
    "alexnet": ("classifier.6",),
    "vgg11_bn": ("classifier.6",),
    "squeezenet1_0": ("classifier.1",),
    "densenet121": ("classifier",),
    "inception_v3": ("AuxLogits.fc", "fc"),
}
MAX_INPUT_SIZE = 1024
_CONTAINERS = ("features", "classifier")


def describe(name: str) -> Entry:
    """Measure one architecture."""
    model = _build(name)
    heads = tuple(_describe_head(model, head) for head in HEADS[name])
    weights = tuple(_describe_weights(entry) for entry in models.get_model_weights(name))
    return Entry(
        name=name,
        aliases=tuple(alias for alias in ALIASES[name] if alias != name),
        input_size=next(entry.crop_size for entry in weights if entry.is_default),
        min_input_size=_find_min_input_size(model, batch_size=2),
        min_input_size_batch_of_one=_find_min_input_size(model, batch_size=1),
        num_parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=_list_layers(model, HEADS[name]),
        heads=heads,
        weights=weights,
    )


def generate() -> str:
    """The text of the catalogue."""
    entries = tuple(describe(name) for name in ALIASES)
    return TypeAdapter(tuple[Entry, ...]).dump_json(entries, indent=1).decode() + "\n"


def _build(name: str) -> nn.Module:
    # torchvision's Inception announces a change of its initialisation unless it is told which.
    arguments = {"init_weights": True} if name == "inception_v3" else {}
    with torch.device("meta"):
        model: nn.Module = models.get_model(name, weights=None, **arguments)
    return model


def _find_min_input_size(model: nn.Module, *, batch_size: int) -> int:
    model.train()

    def trains(size: int) -> bool:
        try:
            model(torch.empty(batch_size, 3, size, size, device="meta"))
        except (RuntimeError, ValueError):
            return False
        return True

    sizes = range(1, MAX_INPUT_SIZE + 1)
    return sizes[bisect_left(sizes, True, key=trains)]


def _list_layers(model: nn.Module, heads: tuple[str, ...]) -> tuple[Layer, ...]:
    layers = []
    for name, module in model.named_children():
        parts = {name: module}
        if name in _CONTAINERS and name not in heads:
            parts = {f"{name}.{child}": part for child, part in module.named_children()}
        for layer, part in parts.items():
            count = sum(
                parameter.numel()
                for parameter_name, parameter in part.named_parameters(prefix=layer)
                if parameter_name.rpartition(".")[0] not in heads
            )
            if count:
                layers.append(Layer(name=layer, num_parameters=count))
    return tuple(layers)


def _describe_head(model: nn.Module, name: str) -> Head:
    weight = model.get_submodule(name).weight
    if not isinstance(weight, torch.Tensor):
        raise TypeError(name)
    return Head(name=name, in_features=weight.shape[1])


def _describe_weights(weights: models.Weights) -> WeightsEntry:
    file_name = PurePosixPath(urlsplit(weights.url).path).name
    preprocessing = weights.transforms()
    return WeightsEntry(
        name=weights.name,
        is_default=weights is type(weights).DEFAULT,
        file_name=file_name,
        url=weights.url,
        sha256_prefix=PurePosixPath(file_name).stem.rpartition("-")[2],
        resize_size=preprocessing.resize_size[0],
        crop_size=preprocessing.crop_size[0],
        mean=preprocessing.mean,
        std=preprocessing.std,
        interpolation=preprocessing.interpolation.value,
    )


if __name__ == "__main__":
    CATALOGUE_PATH.write_text(generate(), encoding="utf-8")
