"""Combine preprocessing, model and calibration into one traceable network for graph formats."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.nn.functional import interpolate

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.runtime.scoring import ScoringNetwork

OUTPUTS = ("probabilities", "logits", "features")

_EXAMPLE_SHAPE = (2, 97, 131, 3)
"""Sizes that differ from each other and from 1, so that tracing does not specialise on them."""


class EvalPixels(nn.Module):
    """Traceable form of `app.ml.images.preprocessing.eval_pixels`, for a batch of one size.

    uint8 [n, height, width, 3] to float32 levels [n, 3, input_size, input_size]. Sizes are computed
    without branches, and the crop selects rows and columns by index; an index outside the image
    gives black, as torchvision's padding does.
    """

    def __init__(self, spec: PreprocessingSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, pixels: Tensor) -> Tensor:
        images = pixels.permute(0, 3, 1, 2).float()
        shorter: Any = torch.sym_min(images.shape[2], images.shape[3])
        height, width = (self.spec.resize_size * side // shorter for side in images.shape[2:])
        resized = interpolate(
            images,
            [height, width],
            mode=self.spec.interpolation,
            align_corners=False,
            antialias=True,
        )
        levels = resized.round().clamp(0.0, 255.0)
        return self._crop_centre(self._crop_centre(levels, 2, height), 3, width)

    def _crop_centre(self, levels: Tensor, dim: int, length: int) -> Tensor:
        """Crop the centre of a dimension; halves are rounded as in torchvision's crop."""
        size = self.spec.input_size
        cut, padding = torch.sym_max(length - size, 0), torch.sym_max(size - length, 0)
        start = (cut + cut // 2 % 2) // 2 - padding // 2
        positions = torch.arange(size) + start
        nearest = positions.clamp(0, length - 1)
        inside = (positions == nearest).float()
        shape = [1, 1, 1, 1]
        shape[dim] = size
        return levels.index_select(dim, nearest) * inside.reshape(shape)


class CalibratedNetwork(nn.Module):
    """Compute calibrated probabilities, logits and features of prepared images.

    Levels float32 [n, 3, input_size, input_size] to probabilities float32 [n, num_classes], the
    softmax of the logits divided by the temperature, logits, and features [n, num_features].
    """

    def __init__(self, network: ScoringNetwork, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, features = self.network(levels)
        return (logits / self.temperature).softmax(1), logits, features


class PixelNetwork(nn.Module):
    """Classify decoded RGB images: uint8 [n, height, width, 3] to the outputs of `OUTPUTS`."""

    def __init__(self, network: CalibratedNetwork, spec: PreprocessingSpec) -> None:
        super().__init__()
        self.prepare = EvalPixels(spec)
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs: tuple[Tensor, Tensor, Tensor] = self.network(self.prepare(pixels))
        return outputs


def trace(network: PixelNetwork) -> ExportedProgram:
    """Trace the network for any number of images of any one size."""
    pixels = torch.zeros(_EXAMPLE_SHAPE, dtype=torch.uint8)
    free = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC, 2: Dim.DYNAMIC}
    return torch.export.export(network.eval(), (pixels,), dynamic_shapes=(free,))


def trace_prepared(network: CalibratedNetwork) -> ExportedProgram:
    """Trace the network without its preprocessing, for any number of prepared images."""
    size = network.network.input_size
    levels = torch.zeros(_EXAMPLE_SHAPE[0], 3, size, size)
    return torch.export.export(network.eval(), (levels,), dynamic_shapes=({0: Dim.DYNAMIC},))
