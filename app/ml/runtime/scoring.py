"""Wrap a model with its normalisation into one network that engines run and exports contain."""

import threading
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.features import pool_head_input


class Scores(NamedTuple):
    """The outputs of a model for images, in their order, on the CPU.

    logits: float32 [num_images, num_classes], the outputs of the head. features: float32
    [num_images, num_features], the inputs of the head.
    """

    logits: Tensor
    features: Tensor


class ScoringNetwork(nn.Module):
    """Map uint8 pixels [n, 3, input_size, input_size] to logits and features.

    Several threads may run it at a time. The model computes in the dtype of its first parameter;
    normalisation and outputs are float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, model: nn.Module, architecture: ArchitectureSpec, spec: PreprocessingSpec
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.input_size = spec.input_size
        self.register_buffer("mean", torch.tensor(spec.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(spec.std)[:, None, None], persistent=False)
        head = model.get_submodule(architecture.heads[-1].name)
        self._recorded = threading.local()
        # A bound method would make a reference cycle: the memory of a network that is no longer
        # used would stay allocated until the garbage collector runs.
        head.register_forward_pre_hook(partial(_record_input, self._recorded))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        dtype = next(self.model.parameters()).dtype
        images = ((pixels.float() / 255.0 - self.mean) / self.std).to(dtype)
        return self.score(images.contiguous(memory_format=torch.channels_last))

    def score(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and features of images that are normalised already."""
        logits: Tensor = self.model(images)
        features: Tensor = self._recorded.input
        del self._recorded.input
        return logits.float(), pool_head_input(features).float()


def _record_input(recorded: threading.local, _head: nn.Module, inputs: tuple[Tensor]) -> None:
    recorded.input = inputs[0]
