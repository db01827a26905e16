"""Find the last two stages of a network and compute the features that each of them gives."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.features import record_layers, tap_features

_IMAGE_DIMENSIONS = 4
_TOKEN_DIMENSIONS = 3
_DEPTH_WITHOUT_STAGES = 2 / 3
"""The share of the layers after which the earlier stage ends in a network that keeps its resolution
(ViT)."""


def find_early_stage(
    model: nn.Module, architecture: ArchitectureSpec, size: int
) -> tuple[str, str]:
    """Return the last layer before the final stage, and the first layer of the final stage.

    A stage ends where the resolution falls, as ResNet's authors count them (He et al., 2016, table
    1). size: pixels of the input.
    """
    names = [layer.name for layer in architecture.layers]
    device = next(model.parameters()).device
    with record_layers(model, names) as recorded, torch.no_grad():
        model(torch.zeros(1, 3, size, size, device=device))
    ran = [name for name in names if name in recorded]
    positions = [_count_positions(recorded[name].output) for name in ran]
    falls = [index for index, (one, next_) in enumerate(pairwise(positions)) if next_ < one]
    spatial = [index for index in falls if positions[index + 1] > 1]
    index = (spatial or [round(len(ran) * _DEPTH_WITHOUT_STAGES) - 1])[-1]
    index = min(max(index, 0), len(ran) - 2)
    return ran[index], ran[index + 1]


def tap_stages(
    model: nn.Module, architecture: ArchitectureSpec, early_stage: str, images: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the last features and those of an earlier stage, averaged over their positions.

    Both float32 [batch, num_features]; images as for `tap_features`.
    """
    with record_layers(model, [early_stage]) as recorded:
        late = tap_features(model, architecture, images)
    return late, average(recorded[early_stage].output)


def average(activations: Tensor) -> Tensor:
    """Average activations over their positions: float32 [batch, num_features].

    activations: [batch, channels, height, width], channels last where the other two are equal
    (Swin), [batch, tokens, channels], or [batch, channels], which is returned as it is.
    """
    dims = _find_position_dims(activations)
    return (activations.mean(dims) if dims else activations).float()


def _find_position_dims(activations: Tensor) -> tuple[int, ...]:
    shape = activations.shape
    if len(shape) == _IMAGE_DIMENSIONS:
        is_channels_last = shape[1] == shape[2] != shape[3]
        return (1, 2) if is_channels_last else (2, 3)
    return (1,) if len(shape) == _TOKEN_DIMENSIONS else ()


def _count_positions(activations: Tensor) -> int:
    num_positions = 1
    for dimension in _find_position_dims(activations):
        num_positions *= activations.shape[dimension]
    return num_positions
