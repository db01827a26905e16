"""What runs a model: one small protocol."""

from typing import Literal, Protocol

from torch import Tensor

from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.scoring import Scores

EngineName = Literal["torch", "openvino", "onnxruntime"]
EngineNumbers = ResolvedPrecision | Literal["int8"]


class Engine(Protocol):
    """A model ready to answer on one device.

    numbers are what it computes in; num_bytes is what its weights take.
    """

    name: EngineName
    numbers: EngineNumbers
    num_bytes: int

    def run(self, pixels: Tensor) -> Scores:
        """Score prepared images: uint8 [n, 3, input_size, input_size], n at least 1.

        Several threads may call it at a time. Raises Overloaded where a GPU's memory is full.
        """
