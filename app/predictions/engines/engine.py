"""The protocol of inference engines."""

from typing import Literal, Protocol

from torch import Tensor

from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.scoring import Scores

EngineName = Literal["torch", "openvino", "onnxruntime"]
EnginePrecision = ResolvedPrecision | Literal["int8"]


class Engine(Protocol):
    """A model loaded for inference on one device.

    precision is that of its computation; num_bytes is the size of its weights.
    """

    name: EngineName
    precision: EnginePrecision
    num_bytes: int

    def run(self, pixels: Tensor) -> Scores:
        """Score preprocessed images: uint8 [n, 3, input_size, input_size], n at least 1.

        They are on the CPU or on the engine's device; the scores are on the CPU.
        Thread-safe. Raises Overloaded if the GPU is out of memory.
        """
