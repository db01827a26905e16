"""ONNX Runtime as an engine: for those who serve with it elsewhere and want the same numbers."""

import onnxruntime
import torch
from torch import Tensor

from app.ml.runtime.onnx_scoring import convert_network
from app.ml.runtime.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EngineNumbers


class OnnxRuntimeEngine:
    """A scoring network as an ONNX graph, each request on the thread that makes it.

    A network computes in float32; bytes are a graph of `app.ml.runtime.quantization`, in int8.
    """

    name: EngineName = "onnxruntime"

    def __init__(self, source: ScoringNetwork | bytes) -> None:
        self.numbers: EngineNumbers = "int8" if isinstance(source, bytes) else "fp32"
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
