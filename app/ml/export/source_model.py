"""Load the registered version that is exported, and compute its reference outputs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from app.ml.export.network import CalibratedNetwork
from app.ml.images.preprocessing import eval_pixels
from app.ml.models import checkpoint
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.checkpoint import CheckpointHeader
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.trust_file import load_trust

Pixels = npt.NDArray[np.uint8]
Outputs = tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True)
class SourceModel:
    """A version with its model on the CPU in float32; digest is the sha256 of its checkpoint."""

    name: str
    version: int
    digest: str
    header: CheckpointHeader
    model: nn.Module
    network: CalibratedNetwork

    @property
    def architecture(self) -> ArchitectureSpec:
        return get_architecture(self.header.architecture)

    def run(self, pixels: Pixels) -> Outputs:
        """Compute probabilities, logits and features, [1, …] each, of [height, width, 3]."""
        levels = eval_pixels(torch.from_numpy(pixels).permute(2, 0, 1), self.header.preprocessing)
        with torch.inference_mode():
            return tuple(output.numpy() for output in self.network(levels[None]))


def load_source_model(
    path: Path, trust_path: Path | None, *, name: str, version: int, digest: str
) -> SourceModel:
    """Read a version's files; without calibration data the temperature is 1.

    Raises CheckpointInvalid as `app.ml.models.checkpoint.load` does, FileNotFoundError.
    """
    model, header = checkpoint.restore_model(checkpoint.load(path, digest=digest))
    temperature = load_trust(trust_path).temperature if trust_path else 1.0
    network = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)
    return SourceModel(
        name, version, digest, header, model, CalibratedNetwork(network, temperature).eval()
    )
