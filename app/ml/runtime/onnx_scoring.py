"""Convert a scoring network to an ONNX graph."""

import threading

import torch

from app.ml.runtime.scoring import ScoringNetwork

_one_at_a_time = threading.Lock()
"""torch.export patches the process while it traces; two traces would see each other's tensors."""


def convert_network(network: ScoringNetwork) -> bytes:
    """Convert to a graph of `pixels`, uint8 [n, 3, size, size], to `logits` and `features`."""
    size = network.input_size
    with _one_at_a_time:
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
