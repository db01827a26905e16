"""Decode the bytes of an image to a tensor, with fast paths for plain JPEGs."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from simplejpeg import decode_jpeg
from torch import Tensor

from app.ml.images.gpu_decoding import decode_jpeg_on
from app.ml.images.pil_decoding import ImageHeader, decode_image, read_header, require_time
from app.ml.images.pixel_budget import PIXELS_IN_FLIGHT
from app.ml.images.preprocessing import to_pixels


@contextmanager
def decoded_pixels(
    content: bytes,
    *,
    max_pixels: int | None = None,
    deadline: float | None = None,
    device: torch.device | None = None,
) -> Iterator[Tensor]:
    """Decode an image within the process's budget of pixels, for as long as the block runs.

    The result is that of `decode_pixels`, and must not outlive the block. With a device, plain
    JPEGs are decoded there and stay there; other images, and JPEGs that cannot be, are on the CPU.
    deadline is a time of `time.monotonic`. Raises what `decode_image` does, and for a device
    torch.OutOfMemoryError.
    """
    header = read_header(content, max_pixels=max_pixels, deadline=deadline)
    with PIXELS_IN_FLIGHT.reserve(header.num_pixels, deadline=deadline):
        yield _decode(content, header, deadline, device)


def decode_pixels(content: bytes, *, max_pixels: int | None = None) -> Tensor:
    """Decode an image to uint8 [3, height, width], one pixel's channels side by side.

    The result equals that of `decode_image`, which decodes everything except plain JPEGs. For plain
    JPEGs libjpeg-turbo writes into the tensor directly, while Pillow copies the pixels three times.
    Raises what `decode_image` does.
    """
    return _decode(content, read_header(content, max_pixels=max_pixels), None, None)


def _decode(
    content: bytes, header: ImageHeader, deadline: float | None, device: torch.device | None
) -> Tensor:
    if header.is_plain_jpeg:
        require_time(header.num_pixels, deadline)
        with suppress(ValueError, MemoryError):  # Pillow raises the error below
            if device is not None:
                return decode_jpeg_on(device, content)
            return torch.from_numpy(decode_jpeg(content)).permute(2, 0, 1)
    return to_pixels(decode_image(content, deadline=deadline))
