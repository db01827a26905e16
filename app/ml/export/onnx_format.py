"""Write a model with its preprocessing as an ONNX graph, converted from a torch.export program.

The converter writes torch's antialiased resize as `Resize` with `antialias` and `exclude_outside`,
sizes computed in the graph and, where cubic, the coefficient -0.5: Pillow's definition.
"""

from pathlib import Path

import onnxruntime  # noqa: F401 - the check needs it; fail before writing without it
import onnxscript  # noqa: F401 - torch.onnx needs it
import torch
from torch.export import ExportedProgram
from torch.onnx import ONNXProgram

from app.ml.export.network import OUTPUTS, PixelNetwork, trace
from app.ml.export.source_model import SourceModel


def write(folder: Path, source: SourceModel, metadata: dict[str, str]) -> None:
    """Write model.onnx; weights above two gigabytes go to a second file."""
    program = convert(trace(PixelNetwork(source.network, source.header.preprocessing)))
    program.model.metadata_props.update(metadata)
    program.save(folder / "model.onnx")


def convert(program: ExportedProgram) -> ONNXProgram:
    """Convert a program to an ONNX graph with the input `pixels` and the outputs of `OUTPUTS`."""
    graph = torch.onnx.export(program, (), dynamo=True, verbose=False, output_names=list(OUTPUTS))
    assert graph is not None  # noqa: S101 - dynamo=True always returns a graph
    return graph
