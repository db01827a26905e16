"""What the network makes of images at its last stage and at the one before."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from app.ml.models.catalogue import Entry
from app.ml.models.features import tap_features

_IMAGE_DIMENSIONS = 4
_TOKEN_DIMENSIONS = 3
_DEPTH_WITHOUT_STAGES = 2 / 3
"""Where a network keeps its resolution (ViT), the earlier stage ends after this share of it."""


def find_early_stage(model: nn.Module, entry: Entry, size: int) -> tuple[str, str]:
    """The last layer before the final stage, and the first layer of that stage.

    A stage ends where the resolution falls, as ResNet's authors count them (He et al., 2016, table
    1). size: pixels of the input.
    """
    names = [layer.name for layer in entry.layers]
    device = next(model.parameters()).device
    with _tapping(model, names) as outputs, torch.no_grad():
        model(torch.zeros(1, 3, size, size, device=device))
    ran = [name for name in names if name in outputs]
    places = [_num_places(outputs[name]) for name in ran]
    falls = [index for index, (one, next_) in enumerate(pairwise(places)) if next_ < one]
    spatial = [index for index in falls if places[index + 1] > 1]
    index = (spatial or [round(len(ran) * _DEPTH_WITHOUT_STAGES) - 1])[-1]
    index = min(max(index, 0), len(ran) - 2)
    return ran[index], ran[index + 1]


def tap_stages(
    model: nn.Module, entry: Entry, early_stage: str, images: Tensor
) -> tuple[Tensor, Tensor]:
    """The last features and those of an earlier stage, averaged over their places.

    Both float32 [batch, num_features]; images as for `tap_features`.
    """
    with _tapping(model, [early_stage]) as outputs:
        late = tap_features(model, entry, images)
    return late, average(outputs[early_stage])


def average(activations: Tensor) -> Tensor:
    """Activations averaged over their places, float32 [batch, num_features].

    [batch, channels, height, width], with the channels last where the other two are equal (Swin),
    [batch, tokens, channels], or [batch, channels] as it is.
    """
    places = _find_places(activations)
    return (activations.mean(places) if places else activations).float()


@contextmanager
def _tapping(model: nn.Module, names: list[str]) -> Iterator[dict[str, Tensor]]:
    """Layers' outputs by name, filled as the model runs."""
    outputs: dict[str, Tensor] = {}

    def keep_as(name: str) -> object:
        def keep(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                outputs[name] = output

        return keep

    handles = [
        model.get_submodule(name).register_forward_hook(keep_as(name))  # type: ignore[arg-type]
        for name in names
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _find_places(activations: Tensor) -> tuple[int, ...]:
    shape = activations.shape
    if len(shape) == _IMAGE_DIMENSIONS:
        is_channels_last = shape[1] == shape[2] != shape[3]
        return (1, 2) if is_channels_last else (2, 3)
    return (1,) if len(shape) == _TOKEN_DIMENSIONS else ()


def _num_places(activations: Tensor) -> int:
    num_places = 1
    for dimension in _find_places(activations):
        num_places *= activations.shape[dimension]
    return num_places
