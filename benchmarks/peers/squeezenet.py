"""Build SqueezeNet 1.0 for the peers: torchvision's model with weights from a file."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import squeezenet1_0

NUM_FEATURES = 512


def load_squeezenet(weights_file: Path) -> nn.Module:
    """Load the network with its head of 1,000 classes."""
    model: nn.Module = squeezenet1_0(weights=None)
    model.load_state_dict(load_file(weights_file))
    return model


class PooledClassifier(nn.Module):
    """The backbone with average pooling and a linear head, as timm and Lightning build it.

    torchvision's own head ends in a ReLU, after which all scores of an image can be 0. Users of
    these libraries do not get that ReLU. Without it, a 1x1 convolution followed by pooling equals
    pooling followed by a linear layer.
    """

    def __init__(self, weights_file: Path, num_classes: int, *, is_frozen: bool) -> None:
        super().__init__()
        backbone: Any = load_squeezenet(weights_file)
        self.features: nn.Module = backbone.features
        self.features.requires_grad_(not is_frozen)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(NUM_FEATURES, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(images))
        return scores
