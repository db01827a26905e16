"""Crop, resize and flip a batch of images by matrix products, on a GPU or a CPU.

A crop is resized along one side by a matrix with, for each pixel of the result, the weights of the
crop's pixels. The weights are those of torch's and Pillow's antialiased resize.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from app.ml.images.antialiasing import compute_weights
from app.ml.images.augmentation import CropParameters
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import Interpolation

_CHUNK_SIZE = 64
"""Images cropped at a time: intermediate results take about ten times the bytes of a crop."""


class ImageLocation(NamedTuple):
    """The place of an image in a tensor of pixels: the index of its first pixel, and its width."""

    start: int
    width: int


def crop_batch(
    pixels: Tensor,
    locations: Sequence[ImageLocation],
    views: Sequence[CropParameters],
    spec: PreprocessingSpec,
) -> Tensor:
    """Crop one view of each image: uint8 [batch, 3, input_size, input_size], on the pixels' device.

    pixels: uint8 [num_pixels, 3], images of any sizes one after the other. The result equals that
    of `augment` with the same crop parameters, up to rounding (one or two levels of 255).
    """
    size = spec.input_size
    if not views:
        return pixels.new_empty(0, 3, size, size)
    chunks = range(0, len(views), _CHUNK_SIZE)
    return torch.cat(
        [
            _crop(
                pixels,
                locations[first : first + _CHUNK_SIZE],
                views[first : first + _CHUNK_SIZE],
                size,
                spec.interpolation,
            )
            for first in chunks
        ]
    )


def _crop(
    pixels: Tensor,
    locations: Sequence[ImageLocation],
    views: Sequence[CropParameters],
    size: int,
    interpolation: Interpolation,
) -> Tensor:
    rows = [
        (*location, *view.box, view.is_flipped)
        for location, view in zip(locations, views, strict=True)
    ]
    columns = copy_to_device(torch.tensor(rows), pixels.device).unbind(1)
    start, width, top, left, height_of, width_of, is_flipped = columns
    height, breadth = (max(view.box[side] for view in views) for side in (2, 3))
    lines = _positions(height, top, height_of)
    within = _positions(breadth, left, width_of)
    crops = pixels[(start + lines.T * width).T[:, :, None] + within[:, None]].float()
    down = _make_resize_matrices(height_of, size, height, interpolation)
    across = _make_resize_matrices(width_of, size, breadth, interpolation)
    across = torch.where(is_flipped[:, None, None] > 0, across.flip(1), across)
    # Round the intermediate result too, as torch's resize of uint8 images does.
    narrowed = torch.einsum("bxw,bhwc->bhxc", across, crops).round().clamp(0.0, 255.0)
    resized = torch.einsum("byh,bhxc->byxc", down, narrowed)
    return resized.round().clamp(0.0, 255.0).to(torch.uint8).permute(0, 3, 1, 2)


def copy_to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy values to a device; the copy to a GPU is asynchronous."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def _positions(num: int, first: Tensor, lengths: Tensor) -> Tensor:
    """Return the positions along a side of each crop, with the last repeated in shorter crops."""
    steps = torch.arange(num, device=first.device)
    return first[:, None] + torch.minimum(steps, lengths[:, None] - 1)


def _make_resize_matrices(
    lengths: Tensor, size: int, num: int, interpolation: Interpolation
) -> Tensor:
    """Return resize matrices, float32 [batch, size, num]: pixels of the result by the crop's."""
    lengths = lengths.float()[:, None, None]
    scale = lengths / size
    stretch = scale.clamp_min(1.0)
    at = torch.arange(num, device=lengths.device) + 0.5
    centres = (torch.arange(size, device=lengths.device)[:, None] + 0.5) * scale
    weights = compute_weights(at, centres, stretch, interpolation) * (at < lengths)
    return weights / weights.sum(2, keepdim=True)
