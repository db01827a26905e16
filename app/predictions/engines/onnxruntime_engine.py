"""ONNX Runtime as an engine: for those who serve with it elsewhere and want the same numbers."""

import onnxruntime
import torch
from torch import Tensor

from app.ml.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EngineNumbers


class OnnxRuntimeEngine:
    """A scoring network as an ONNX graph in float32, each request on the thread that makes it."""

    name: EngineName = "onnxruntime"

    def __init__(self, network: ScoringNetwork) -> None:
        self.numbers: EngineNumbers = "fp32"
        self.num_bytes = sum(p.nbytes for p in network.parameters())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            _convert(network), options, providers=["CPUExecutionProvider"]
        )

    def run(self, pixels: Tensor) -> Scores:
        logits, features = self._session.run(None, {"pixels": pixels.contiguous().numpy()})
        return Scores(torch.from_numpy(logits), torch.from_numpy(features))


def _convert(network: ScoringNetwork) -> bytes:
    size = network.input_size
    program = torch.onnx.export(
        network.eval(),
        (torch.zeros(2, 3, size, size, dtype=torch.uint8),),
        input_names=["pixels"],
        output_names=["logits", "features"],
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # noqa: S101 - None is for exports into a file
    content: bytes = program.model_proto.SerializeToString()
    return content
