"""Run models with OpenVINO, the fastest engine on x86 CPUs."""

import torch
from torch import Tensor

from app.ml.runtime.openvino_graph import CompiledGraph, convert
from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.quiet_openvino import openvino
from app.ml.runtime.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EnginePrecision


class OpenVinoEngine:
    """A scoring network as a compiled graph.

    Bytes are an int8 graph of `app.ml.runtime.quantization`; its other operations use `precision`.
    """

    name: EngineName = "openvino"

    def __init__(
        self, source: ScoringNetwork | bytes, precision: ResolvedPrecision, num_callers: int
    ) -> None:
        if isinstance(source, bytes):
            self.precision: EnginePrecision = "int8"
            self.num_bytes = len(source)
            self._graph = CompiledGraph(source, precision, num_callers)
            return
        size = source.input_size
        example = torch.zeros(1, 3, size, size, dtype=torch.uint8)
        self.precision = precision
        num_weights = sum(p.numel() for p in source.parameters())
        self.num_bytes = num_weights * (2 if precision == "bf16" else 4)
        self._graph = CompiledGraph(convert(source.eval(), example), precision, num_callers)

    @property
    def num_streams(self) -> int:
        """Number of forward passes that run at a time."""
        return self._graph.num_streams

    def run(self, pixels: Tensor) -> Scores:
        scores, features = self._graph.run(pixels)
        return Scores(scores, features)


def supports_bf16() -> bool:
    """Return True if this processor multiplies bfloat16; on others OpenVINO uses float32."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
