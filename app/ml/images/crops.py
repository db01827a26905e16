"""Crops of many images at once, resized and mirrored by matrix products: on a GPU, or anywhere.

A crop is resized along one side by a matrix that holds, for each pixel of the result, its weights
of the crop's pixels. The weights are those of torch's and Pillow's antialiased resize.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from app.ml.images.antialiasing import weigh
from app.ml.images.augmentation import View
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import Interpolation

_CHUNK_SIZE = 64
"""Images cropped at a time; what is in between takes about ten times a crop's bytes."""


class Place(NamedTuple):
    """Where an image lies in a row of pixels: its first pixel, then line after line."""

    start: int
    width: int


def crop_batch(
    pixels: Tensor, places: Sequence[Place], views: Sequence[View], spec: PreprocessingSpec
) -> Tensor:
    """Views of images, one each: uint8 [batch, 3, input_size, input_size], on the pixels' device.

    pixels: uint8 [num_pixels, 3], images of any sizes one after the other. What `augment` makes
    of the same views, but for rounding (a level or two).
    """
    size = spec.input_size
    if not views:
        return pixels.new_empty(0, 3, size, size)
    chunks = range(0, len(views), _CHUNK_SIZE)
    return torch.cat(
        [
            _crop(
                pixels,
                places[first : first + _CHUNK_SIZE],
                views[first : first + _CHUNK_SIZE],
                size,
                spec.interpolation,
            )
            for first in chunks
        ]
    )


def _crop(
    pixels: Tensor,
    places: Sequence[Place],
    views: Sequence[View],
    size: int,
    interpolation: Interpolation,
) -> Tensor:
    rows = [(*place, *view.box, view.is_flipped) for place, view in zip(places, views, strict=True)]
    columns = send(torch.tensor(rows), pixels.device).unbind(1)
    start, width, top, left, height_of, width_of, is_flipped = columns
    height, breadth = (max(view.box[side] for view in views) for side in (2, 3))
    lines = _positions(height, top, height_of)
    within = _positions(breadth, left, width_of)
    crops = pixels[(start + lines.T * width).T[:, :, None] + within[:, None]].float()
    down = _weigh(height_of, size, height, interpolation)
    across = _weigh(width_of, size, breadth, interpolation)
    across = torch.where(is_flipped[:, None, None] > 0, across.flip(1), across)
    # Whole levels in between, too, as torch's resize of whole levels has them.
    narrowed = torch.einsum("bxw,bhwc->bhxc", across, crops).round().clamp(0.0, 255.0)
    resized = torch.einsum("byh,bhxc->byxc", down, narrowed)
    return resized.round().clamp(0.0, 255.0).to(torch.uint8).permute(0, 3, 1, 2)


def send(values: Tensor, device: torch.device) -> Tensor:
    """Values on a device; a GPU fetches them while the caller goes on."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def _positions(num: int, first: Tensor, lengths: Tensor) -> Tensor:
    """The first positions of each crop's side, its last one again where it is shorter."""
    steps = torch.arange(num, device=first.device)
    return first[:, None] + torch.minimum(steps, lengths[:, None] - 1)


def _weigh(lengths: Tensor, size: int, num: int, interpolation: Interpolation) -> Tensor:
    """float32 [batch, size, num]: what each pixel of the result takes of each of the crop's."""
    lengths = lengths.float()[:, None, None]
    scale = lengths / size
    stretch = scale.clamp_min(1.0)
    at = torch.arange(num, device=lengths.device) + 0.5
    centres = (torch.arange(size, device=lengths.device)[:, None] + 0.5) * scale
    weights = weigh(at, centres, stretch, interpolation) * (at < lengths)
    return weights / weights.sum(2, keepdim=True)
