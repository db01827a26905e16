"""A model as an ONNX graph, its preprocessing inside, converted from the exported program.

The converter writes torch's antialiased resize as `Resize` with `antialias` and `exclude_outside`,
sizes computed in the graph and, where cubic, the coefficient -0.5: Pillow's definition.
"""

from pathlib import Path

import onnxruntime  # noqa: F401 - missing, the file could not be checked; better told before
import onnxscript  # noqa: F401 - the same: torch converts by it
import torch
from torch.export import ExportedProgram
from torch.onnx import ONNXProgram

from app.ml.export.network import OUTPUTS, PixelNetwork, trace
from app.ml.export.original import Original


def write(folder: Path, original: Original, about: dict[str, str]) -> None:
    """Write model.onnx, above two gigabytes with a file of weights beside it."""
    program = convert(trace(PixelNetwork(original.network, original.header.preprocessing)))
    program.model.metadata_props.update(about)
    program.save(folder / "model.onnx")


def convert(program: ExportedProgram) -> ONNXProgram:
    """The program as an ONNX graph with an input `pixels` and the outputs' names."""
    graph = torch.onnx.export(program, (), dynamo=True, verbose=False, output_names=list(OUTPUTS))
    assert graph is not None  # noqa: S101 - so it is with dynamo
    return graph
