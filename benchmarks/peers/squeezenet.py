"""SqueezeNet 1.0 as the peers get it: torchvision's model with the weights of a file."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import squeezenet1_0

NUM_FEATURES = 512


def load_squeezenet(weights_file: Path) -> nn.Module:
    """The network with its head of 1,000 classes."""
    model: nn.Module = squeezenet1_0(weights=None)
    model.load_state_dict(load_file(weights_file))
    return model


class PooledClassifier(nn.Module):
    """The convolutions, pooled, under a linear head: what timm and Lightning put on a trunk.

    torchvision's own head ends in a ReLU, under which scores can die; a user of these libraries
    does not meet it. Without it a 1x1 convolution then pooling equals pooling then a linear layer.
    """

    def __init__(self, weights_file: Path, num_classes: int, *, is_frozen: bool) -> None:
        super().__init__()
        trunk: Any = load_squeezenet(weights_file)
        self.features: nn.Module = trunk.features
        self.features.requires_grad_(not is_frozen)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(NUM_FEATURES, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(images))
        return scores
