"""Read and set the main head of a model, and record the features that the head receives."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.construction import find_final_relu

_MAP_DIMENSIONS = 4


class LayerActivations(NamedTuple):
    """The input and the output of a layer in one forward pass."""

    input: Tensor
    output: Tensor


def has_linear_head(model: nn.Module, architecture: ArchitectureSpec) -> bool:
    """Return whether the scores are a linear function of the features: no ReLU after the head."""
    if architecture.is_of_timm:  # the catalogue only has architectures whose head comes last
        return True
    return find_final_relu(model, architecture.heads[-1].name) is None


@contextmanager
def record_layers(model: nn.Module, names: list[str]) -> Iterator[dict[str, LayerActivations]]:
    """Record the activations of layers by name while the model runs.

    Layers that do not run, or whose output is not a tensor, are left out. Not for several threads.
    """
    recorded: dict[str, LayerActivations] = {}

    def record_as(name: str) -> object:
        def record(_module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
            if isinstance(output, Tensor):
                recorded[name] = LayerActivations(inputs[0], output)

        return record

    handles = [
        model.get_submodule(name).register_forward_hook(record_as(name))  # type: ignore[arg-type]
        for name in names
    ]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def pool_head_input(activations: Tensor) -> Tensor:
    """Convert a head's input to features [batch, in_features].

    A linear head receives [batch, in_features] already. A head that is a 1x1 convolution receives
    [batch, in_features, height, width] and is followed by average pooling; a linear layer on the
    mean of its input computes the same, so the mean is the feature.
    """
    return activations.mean((2, 3)) if activations.ndim == _MAP_DIMENSIONS else activations


def tap_features(model: nn.Module, architecture: ArchitectureSpec, images: Tensor) -> Tensor:
    """Run the model and return the main head's features: float32 [batch, in_features], no gradient.

    images: float [batch, 3, height, width], normalised. Raises ValueError for a model in training
    mode, whose dropout and BatchNorm would make the features of an image random and dependent on
    its batch.
    """
    if model.training:
        raise ValueError("the model is in training mode; call eval() before reading features")
    head = architecture.heads[-1].name
    with record_layers(model, [head]) as recorded, torch.no_grad():
        model(images)
    return pool_head_input(recorded[head].input.float())


def without_head(model: nn.Module, head: str) -> nn.Module:
    """Return a copy of the model, with the same layers, that returns the head's input.

    Only for architectures whose head computes the scores last (those of timm).
    """
    copied = copy.copy(model)
    copied._modules = dict(model._modules)  # noqa: SLF001 -- the children, as nn.Module has them
    first, _, rest = head.partition(".")
    child = model.get_submodule(first)
    copied._modules[first] = without_head(child, rest) if rest else nn.Identity()  # noqa: SLF001
    return copied


def head_weights(model: nn.Module, architecture: ArchitectureSpec) -> tuple[Tensor, Tensor]:
    """Return copies of the main head's weight [num_classes, in_features] and bias [num_classes]."""
    weight, bias = _find_head_parameters(model, architecture)
    return weight.detach().flatten(1).clone(), bias.detach().clone()


def set_head(
    model: nn.Module, architecture: ArchitectureSpec, weight: Tensor, bias: Tensor
) -> None:
    """Copy a fitted weight [num_classes, in_features] and bias [num_classes] into the main head.

    Auxiliary heads, which do not take part in predictions, stay as they are.
    """
    head_weight, head_bias = _find_head_parameters(model, architecture)
    with torch.no_grad():
        head_weight.copy_(weight.reshape(head_weight.shape))
        head_bias.copy_(bias)


def _find_head_parameters(
    model: nn.Module, architecture: ArchitectureSpec
) -> tuple[nn.Parameter, nn.Parameter]:
    head = architecture.heads[-1].name
    return model.get_parameter(f"{head}.weight"), model.get_parameter(f"{head}.bias")
