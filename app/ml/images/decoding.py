"""An image's bytes become the levels of its pixels, those of a plain JPEG by the shortest way."""

from contextlib import suppress

import torch
from simplejpeg import decode_jpeg
from torch import Tensor

from app.ml.images.image_file import decode_image, is_plain_jpeg
from app.ml.images.preprocessing import to_pixels


def decode_pixels(content: bytes, *, max_pixels: int | None = None) -> Tensor:
    """Decode an image to uint8 [3, height, width], one pixel's channels side by side.

    The levels are those of `decode_image`, which everything but plain JPEGs is left to: for them
    libjpeg-turbo writes straight into the tensor, where Pillow copies the pixels three times.
    Raises what `decode_image` does.
    """
    if is_plain_jpeg(content, max_pixels=max_pixels):
        with suppress(ValueError, MemoryError):  # what is wrong with it, Pillow says
            return torch.from_numpy(decode_jpeg(content)).permute(2, 0, 1)
    return to_pixels(decode_image(content, max_pixels=max_pixels))
