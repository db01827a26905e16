"""What a trunk gives its head, and the head as a matrix: for heads fitted without the trunk."""

import torch
from torch import Tensor, nn

from app.ml.models.catalogue import Entry
from app.ml.models.construction import find_final_relu


def has_linear_head(model: nn.Module, entry: Entry) -> bool:
    """Whether the scores are a linear function of `tap_features`: no ReLU follows the head."""
    return find_final_relu(model, entry.heads[-1].name) is None


def tap_features(model: nn.Module, entry: Entry, images: Tensor) -> Tensor:
    """What the main head is given for these images: float32 [batch, in_features], no gradient.

    images: float [batch, 3, height, width], normalised. A head that is a 1x1 convolution with
    average pooling after it gives what a linear layer gives on the mean of its input, so that mean
    is the feature. Raises ValueError for a model in training mode, whose dropout and BatchNorm
    would make an image's features depend on chance and on its batch.
    """
    if model.training:
        raise ValueError("features are those of a model in evaluation mode")
    head = model.get_submodule(entry.heads[-1].name)
    taken: list[Tensor] = []
    handle = head.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    try:
        with torch.no_grad():
            model(images)
    finally:
        handle.remove()
    [features] = taken
    return features.float().mean((2, 3)) if isinstance(head, nn.Conv2d) else features.float()


def head_weights(model: nn.Module, entry: Entry) -> tuple[Tensor, Tensor]:
    """Copies of the main head's weight [num_classes, in_features] and bias [num_classes]."""
    weight, bias = _parameters(model, entry)
    return weight.detach().flatten(1).clone(), bias.detach().clone()


def set_head(model: nn.Module, entry: Entry, weight: Tensor, bias: Tensor) -> None:
    """Put a fitted weight [num_classes, in_features] and bias [num_classes] into the main head.

    Auxiliary heads stay as they are; they have no part in what a model answers.
    """
    own_weight, own_bias = _parameters(model, entry)
    with torch.no_grad():
        own_weight.copy_(weight.reshape(own_weight.shape))
        own_bias.copy_(bias)


def _parameters(model: nn.Module, entry: Entry) -> tuple[nn.Parameter, nn.Parameter]:
    head = entry.heads[-1].name
    return model.get_parameter(f"{head}.weight"), model.get_parameter(f"{head}.bias")
