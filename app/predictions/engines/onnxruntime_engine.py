"""Run models with ONNX Runtime, for the same results as where it serves them elsewhere."""

import onnxruntime
import torch
from torch import Tensor

from app.ml.runtime.onnx_scoring import convert_network
from app.ml.runtime.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EnginePrecision


class OnnxRuntimeEngine:
    """A scoring network as an ONNX graph, run on the calling thread.

    A network computes in float32. Bytes are an int8 graph of `app.ml.runtime.quantization`.
    """

    name: EngineName = "onnxruntime"

    def __init__(self, source: ScoringNetwork | bytes) -> None:
        self.precision: EnginePrecision = "int8" if isinstance(source, bytes) else "fp32"
        content = source if isinstance(source, bytes) else convert_network(source)
        self.num_bytes = len(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )

    def run(self, pixels: Tensor) -> Scores:
        logits, features = self._session.run(None, {"pixels": pixels.contiguous().numpy()})
        return Scores(torch.from_numpy(logits), torch.from_numpy(features))
