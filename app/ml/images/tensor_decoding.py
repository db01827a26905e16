"""Decode the bytes of an image to a tensor, with a fast path for plain JPEGs."""

from contextlib import suppress

import torch
from simplejpeg import decode_jpeg
from torch import Tensor

from app.ml.images.pil_decoding import decode_image, is_plain_jpeg
from app.ml.images.preprocessing import to_pixels


def decode_pixels(content: bytes, *, max_pixels: int | None = None) -> Tensor:
    """Decode an image to uint8 [3, height, width], one pixel's channels side by side.

    The result equals that of `decode_image`, which decodes everything except plain JPEGs. For plain
    JPEGs libjpeg-turbo writes into the tensor directly, while Pillow copies the pixels three times.
    Raises what `decode_image` does.
    """
    if is_plain_jpeg(content, max_pixels=max_pixels):
        with suppress(ValueError, MemoryError):  # Pillow raises the error below
            return torch.from_numpy(decode_jpeg(content)).permute(2, 0, 1)
    return to_pixels(decode_image(content, max_pixels=max_pixels))
