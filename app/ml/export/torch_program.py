"""A model as a program of torch.export, its preprocessing inside."""

from pathlib import Path

import torch

from app.ml.export.network import PixelNetwork, trace
from app.ml.export.original import Original


def write(folder: Path, original: Original, about: dict[str, str]) -> None:
    """Write model.pt2; what it is about is kept in its extra files."""
    program = trace(PixelNetwork(original.network, original.header.preprocessing))
    torch.export.save(program, folder / "model.pt2", extra_files=about)
