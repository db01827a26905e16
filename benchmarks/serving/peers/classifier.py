"""The model that every peer serves, as a page about serving would write it: Pillow and torchvision.

Peers run in an environment of their own, without the service's package: this module needs nothing
but torch, torchvision, Pillow and safetensors.
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
"""The environment variable that holds a `Served` as JSON: some servers' commands take no more."""

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Network:
    """A trained network: weights is a safetensors file by torchvision's names.

    final_relu: whether the head's scores pass a ReLU, as SqueezeNet's do in torchvision.
    temperature: what logits are divided by before the softmax.
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
class Served:
    """What a peer serves and how; servers use as many of these as they have settings for.

    threads: those of torch in each process, None for torch's own choice. max_wait_seconds: how long
    a batch may wait to be filled.
    """

    network: Network
    numbers: Literal["fp32", "bf16"]
    is_channels_last: bool
    threads: int | None
    workers: int
    max_batch_size: int
    max_wait_seconds: float
    port: int

    @classmethod
    def from_environment(cls) -> "Served":
        fields = json.loads(os.environ[VARIABLE])
        return cls(**(fields | {"network": Network(**fields["network"])}))

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Classifier:
    """A network in one process."""

    def __init__(self, served: Served) -> None:
        if served.threads is not None:
            torch.set_num_threads(served.threads)
        network = served.network
        self._network = network
        self._dtype = _DTYPES[served.numbers]
        model = models.get_model(network.architecture, num_classes=len(network.class_names))
        model.load_state_dict(load_file(network.weights))
        if not network.final_relu:
            model.classifier[2] = nn.Identity()
        self._layout = torch.contiguous_format
        if served.is_channels_last:
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
        """An image file as float32 [3, input_size, input_size]."""
        return self.prepare(Image.open(io.BytesIO(content)))

    def prepare(self, image: Image.Image) -> Tensor:
        """The same for an image that Pillow has opened."""
        prepared: Tensor = self._transform(image.convert("RGB"))
        return prepared

    def classify(self, images: Tensor) -> list[dict[str, Any]]:
        """The best label of each of float32 [n, 3, input_size, input_size], with probability."""
        with torch.inference_mode():
            images = images.to(self._dtype, memory_format=self._layout)
            logits = self._model(images).float() / self._network.temperature
            best = logits.softmax(dim=1).max(dim=1)
        return [
            {"label": self._network.class_names[index], "probability": probability}
            for probability, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
