"""Resize an image and crop its centre in one step, as weighted sums of rows and columns.

Each row of the result is a weighted sum of a few neighbouring rows of the source. torch's embedding
bag computes such sums with the processor's vector instructions. Rows are summed first; then the
image is transposed and its columns are summed. Rows and columns outside the crop are not computed.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from app.ml.images.antialiasing import RADIUS, compute_weights
from app.ml.models.catalogue import Interpolation

_NUM_PLANS = 128
_CHANNELS = 3
_MAX_FLOATS = 1 << 24
"""Values of the source that are converted to float32 at a time, unless one line has more."""


class Side(NamedTuple):
    """The length of one side of an image: as it is, after the resize, and after the crop."""

    length: int
    resized: int
    size: int


class _Plan(NamedTuple):
    """The sums that make one side of the result.

    num_kept lines of the result, from padding on, are sums of the source's lines from low to high.
    taken, int64, and weights, float32, both [num_kept, lines per sum]: the source's lines, counted
    from low, and their weights.
    """

    padding: int
    num_kept: int
    low: int
    high: int
    taken: Tensor
    weights: Tensor

    def sum_lines(self, lines: Tensor) -> Tensor:
        """Sum lines of the source, [high - low, ...], to float32 [num_kept, ...].

        A large source is converted to float32 in pieces, with the same sums.
        """
        if lines.numel() <= _MAX_FLOATS:
            sums = _sum_rows(lines, self.taken, self.weights)
        else:
            num_pieces = -(-lines.numel() // _MAX_FLOATS)
            pieces = zip(self.taken.chunk(num_pieces), self.weights.chunk(num_pieces), strict=True)
            sums = torch.cat([_sum_piece(lines, taken, weights) for taken, weights in pieces])
        return sums.view(self.num_kept, *lines.shape[1:])


def _sum_piece(lines: Tensor, taken: Tensor, weights: Tensor) -> Tensor:
    low, high = int(taken.min()), int(taken.max()) + 1
    return _sum_rows(lines[low:high], taken - low, weights)


def _sum_rows(lines: Tensor, taken: Tensor, weights: Tensor) -> Tensor:
    rows = lines.float().flatten(1)
    sums: Tensor = embedding_bag(taken, rows, mode="sum", per_sample_weights=weights)
    return sums


def resample(pixels: Tensor, down: Side, across: Side, interpolation: Interpolation) -> Tensor:
    """Resize an image with antialiasing and crop its centre, padded with black where it is smaller.

    uint8 [height, width, 3] to float32 [3, down.size, across.size] in 0..255, not yet rounded, on
    the same device. Crop and padding are those of torchvision's `center_crop`.
    """
    rows, columns = (_plan(side, interpolation, pixels.device) for side in (down, across))
    narrowed = rows.sum_lines(pixels[rows.low : rows.high, columns.low : columns.high])
    middle = columns.sum_lines(narrowed.permute(1, 2, 0)).permute(1, 2, 0)
    if (rows.num_kept, columns.num_kept) == (down.size, across.size):
        return middle
    padded = middle.new_zeros(_CHANNELS, down.size, across.size)
    inside = padded.narrow(1, rows.padding, rows.num_kept)
    inside.narrow(2, columns.padding, columns.num_kept).copy_(middle)
    return padded


@lru_cache(_NUM_PLANS)
def _plan(side: Side, interpolation: Interpolation, device: torch.device) -> _Plan:
    num_kept = min(side.size, side.resized)
    cut = round(max(side.resized - side.size, 0) / 2)
    scale = side.length / side.resized
    stretch = max(scale, 1.0)
    centres = (torch.arange(num_kept) + (cut + 0.5)).double()[:, None] * scale
    reach = RADIUS[interpolation] * stretch
    span = min(int(2 * reach) + 2, side.length)
    taken = (centres - reach).floor().long().clamp(0, side.length - span) + torch.arange(span)
    weights = compute_weights(taken + 0.5, centres, stretch, interpolation)
    low = int(taken[0, 0])
    return _Plan(
        padding=max(side.size - side.resized, 0) // 2,
        num_kept=num_kept,
        low=low,
        high=int(taken[-1, -1]) + 1,
        taken=(taken - low).to(device),
        weights=(weights / weights.sum(1, keepdim=True)).float().to(device),
    )
