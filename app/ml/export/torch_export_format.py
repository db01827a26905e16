"""Write a model with its preprocessing as a torch.export program."""

from pathlib import Path

import torch

from app.ml.export.network import PixelNetwork, trace
from app.ml.export.source_model import SourceModel


def write(folder: Path, source: SourceModel, metadata: dict[str, str]) -> None:
    """Write model.pt2, with the metadata in its extra files."""
    program = trace(PixelNetwork(source.network, source.header.preprocessing))
    torch.export.save(program, folder / "model.pt2", extra_files=metadata)
