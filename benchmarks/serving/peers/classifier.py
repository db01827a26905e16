"""Load and run the model that every peer serves, with Pillow and torchvision.

Peers run in a separate environment without the service's package, so this module needs only torch,
torchvision, Pillow and safetensors.
"""

import io
import json
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models, transforms

VARIABLE = "BENCH_SERVED"
"""The environment variable that holds a `ServingConfig` as JSON.

Some servers' commands accept no other arguments.
"""

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Network:
    """A trained network.

    weights: a safetensors file with torchvision's parameter names. final_relu: true if the head
    ends in a ReLU, as torchvision's SqueezeNet does. temperature: divisor of the logits.
    """

    architecture: str
    weights: str
    class_names: list[str]
    final_relu: bool
    temperature: float
    resize_size: int
    input_size: int
    mean: list[float]
    std: list[float]


@dataclass(frozen=True)
class ServingConfig:
    """The network and settings of a peer; each peer uses the settings that it supports.

    threads: torch threads per process, None for torch's default. max_wait_seconds: the longest time
    that a batch waits for more images.
    """

    network: Network
    precision: Literal["fp32", "bf16"]
    is_channels_last: bool
    threads: int | None
    workers: int
    max_batch_size: int
    max_wait_seconds: float
    port: int

    @classmethod
    def from_environment(cls) -> "ServingConfig":
        fields = json.loads(os.environ[VARIABLE])
        return cls(**(fields | {"network": Network(**fields["network"])}))

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Classifier:
    """A network with its preprocessing, in one process."""

    def __init__(self, config: ServingConfig) -> None:
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        network = config.network
        self._network = network
        self._dtype = _DTYPES[config.precision]
        model = models.get_model(network.architecture, num_classes=len(network.class_names))
        model.load_state_dict(load_file(network.weights))
        if not network.final_relu:
            model.classifier[2] = nn.Identity()
        self._layout = torch.contiguous_format
        if config.is_channels_last:
            self._layout = torch.channels_last
        self._model = model.eval().to(self._dtype, memory_format=self._layout)
        self._transform = transforms.Compose(
            [
                transforms.Resize(network.resize_size),
                transforms.CenterCrop(network.input_size),
                transforms.ToTensor(),
                transforms.Normalize(network.mean, network.std),
            ]
        )

    def open(self, content: bytes) -> Tensor:
        """Decode and preprocess an image file to float32 [3, input_size, input_size]."""
        return self.prepare(Image.open(io.BytesIO(content)))

    def prepare(self, image: Image.Image) -> Tensor:
        """Preprocess an opened image to float32 [3, input_size, input_size]."""
        prepared: Tensor = self._transform(image.convert("RGB"))
        return prepared

    def classify(self, images: Tensor) -> list[dict[str, Any]]:
        """Predict the best label and its probability for float32 [n, 3, input_size, input_size]."""
        with torch.inference_mode():
            images = images.to(self._dtype, memory_format=self._layout)
            logits = self._model(images).float() / self._network.temperature
            best = logits.softmax(dim=1).max(dim=1)
        return [
            {"label": self._network.class_names[index], "probability": probability}
            for probability, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
