"""Small images in every form that tests need."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def draw_picture(*, seed: int = 0, size: tuple[int, int] = (80, 60)) -> Image.Image:
    """A picture of coloured noise, coarse enough to survive JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, image_format: str = "PNG") -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, image_format)
    return file.getvalue()


def make_pixel_bomb(width: int = 16_000, height: int = 16_000) -> bytes:
    """A PNG of a few kilobytes whose header announces 256 megapixels, and which keeps the word."""
    row = b"\0" * (1 + width // 8)
    packed = zlib.compress(row * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
