"""A whole model as one function of prepared pixels, which engines run and exports hold."""

import threading
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import Entry


class Scores(NamedTuple):
    """What a model makes of images, in their order, on the CPU.

    logits: float32 [num_images, num_classes], as the head gives them. features: float32
    [num_images, num_features], what the head was given.
    """

    logits: Tensor
    features: Tensor


class ScoringNetwork(nn.Module):
    """Normalisation, network and tap: uint8 [n, 3, input_size, input_size] to logits and features.

    Several threads may run it at a time. The network computes in the dtype its first parameter has;
    normalisation and outputs are float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, entry: Entry, spec: PreprocessingSpec) -> None:
        super().__init__()
        self.model = model.eval()
        self.input_size = spec.input_size
        self.register_buffer("mean", torch.tensor(spec.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(spec.std)[:, None, None], persistent=False)
        head = model.get_submodule(entry.heads[-1].name)
        self._pools = isinstance(head, nn.Conv2d)
        self._tapped = threading.local()
        # Not by a method, through which the head would hold all of this: a network that is dropped
        # would stay until the collector comes by.
        head.register_forward_pre_hook(partial(_tap, self._tapped))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        dtype = next(self.model.parameters()).dtype
        images = ((pixels.float() / 255.0 - self.mean) / self.std).to(dtype)
        return self.score(images.contiguous(memory_format=torch.channels_last))

    def score(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features of images that are normalised already."""
        logits: Tensor = self.model(images)
        features: Tensor = self._tapped.features
        del self._tapped.features
        return logits.float(), (features.mean((2, 3)) if self._pools else features).float()


def _tap(tapped: threading.local, _head: nn.Module, inputs: tuple[Tensor]) -> None:
    tapped.features = inputs[0]
