"""Decode untrusted image files to RGB with Pillow, by the same rules in training and in serving.

- Formats: JPEG (also its MPO variant), PNG, WebP, BMP, PPM/PGM, TIFF, GIF; others are rejected.
- The pixel limit is checked on the header, before anything is decoded.
- An animation gives its first frame. EXIF rotation is applied; ICC profiles are not.
- 16 and 32 bits per channel keep their high byte (negative values become 0); floating-point values
  are scaled from 0..1. Pillow's own `convert("RGB")` would clip at 255 instead.
- Palettes and CMYK are converted to RGB; transparent pixels are blended with white.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from app.errors import ImageCorrupt, ImageTooLarge, UnsupportedImage

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF")
_SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF",
    b"BM",
    *(b"P%d" % digit for digit in range(1, 7)),
    b"II*\0",
    b"MM\0*",
    b"GIF8",
)
_DECODER_ERRORS = (
    OSError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_WHITE = (255, 255, 255, 255)
_ORIENTATION_TAG = 0x0112
_BITS_PER_SAMPLE_TAG = 258
_SAMPLE_FORMAT_TAG = 339
_UNSIGNED = 1
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Set once for the process: this module checks pixels against its own limit, and Pillow's warnings
# about uploaded files do not belong in the log.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageHeader(NamedTuple):
    """The format of an image file, and its width and height as stored, before EXIF rotation."""

    format: str
    width: int
    height: int


def read_header(source: bytes | Path) -> ImageHeader:
    """Read the header without decoding the image.

    Raises UnsupportedImage for other formats, ImageCorrupt for a damaged header.
    """
    with _open(source) as image:
        return _describe(image)


def is_plain_jpeg(source: bytes | Path, *, max_pixels: int | None = None) -> bool:
    """Return whether the header is that of a JPEG with three channels and without EXIF rotation.

    Raises what `read_header` raises, and ImageTooLarge as `decode_image` does.
    """
    with _open(source) as image:
        _check_num_pixels(image, max_pixels)
        is_jpeg = _describe(image).format == "JPEG" and image.mode == "RGB"
        return is_jpeg and _find_orientation(image) not in _TRANSPOSES


def decode_image(
    source: bytes | Path, *, max_pixels: int | None = None, min_pixels: int | None = None
) -> Image.Image:
    """Decode an image to mode RGB, 8 bits per channel.

    With min_pixels a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, as long as the longer side
    keeps so many pixels. That is faster and gives other pixels, so it is for thumbnails only.

    Raises what `read_header` raises, ImageTooLarge for more pixels than max_pixels (checked on the
    header), and ImageCorrupt for an image that is truncated or does not decode.
    """
    with _open(source) as image:
        _check_num_pixels(image, max_pixels)
        try:
            if min_pixels is not None:
                scale = min_pixels / max(image.size)
                image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
            image.load()
            return _transpose(_flatten(_to_8_bits(image)), _find_orientation(image))
        except MemoryError as error:
            raise ImageTooLarge(
                "The image does not fit into memory. Send a smaller one."
            ) from error
        except _DECODER_ERRORS as error:
            raise ImageCorrupt(
                "The image is truncated or damaged and cannot be decoded. Save or export it again."
            ) from error


@contextmanager
def _open(source: bytes | Path) -> Iterator[Image.Image]:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        start = file.read(16)
        file.seek(0)
        if not start.startswith(_SIGNATURES):
            raise UnsupportedImage(
                "The file is not an image in JPEG, PNG, WebP, BMP, PPM, TIFF or GIF format."
            )
        try:
            image = Image.open(file, formats=_FORMATS)
        except _DECODER_ERRORS as error:
            raise ImageCorrupt(
                "The image's header is damaged and cannot be read. Save or export the image again."
            ) from error
        with image:
            yield image


def _check_num_pixels(image: Image.Image, max_pixels: int | None) -> None:
    if max_pixels is not None and image.width * image.height > max_pixels:
        raise ImageTooLarge(
            f"The image has {image.width} x {image.height} pixels; "
            f"at most {max_pixels} are allowed."
        )


def _describe(image: Image.Image) -> ImageHeader:
    name = "JPEG" if image.format == "MPO" else str(image.format)
    return ImageHeader(name, image.width, image.height)


def _to_8_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0)
        return Image.fromarray(np.rint(values.clip(0.0, 1.0) * 255.0).astype(np.uint8))
    if image.mode == "I" or image.mode.startswith("I;16"):
        integers = np.asarray(image).astype(np.int64)
        bits, is_signed = _find_sample(image)
        if not is_signed:
            integers &= 2**bits - 1
        shift = bits - 8 - is_signed
        return Image.fromarray((integers.clip(min=0) >> shift).clip(max=255).astype(np.uint8))
    return image


def _find_sample(image: Image.Image) -> tuple[int, bool]:
    """Return bits per sample and whether they are signed; Pillow itself scales PGM to 16 bits."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = int(image.tag_v2.get(_BITS_PER_SAMPLE_TAG, (16,))[0])
        return bits, image.tag_v2.get(_SAMPLE_FORMAT_TAG, (_UNSIGNED,))[0] != _UNSIGNED
    return 16, False


def _flatten(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    background = Image.new("RGBA", image.size, _WHITE)
    return Image.alpha_composite(background, image).convert("RGB")


def _find_orientation(image: Image.Image) -> int | None:
    try:
        orientation: int | None = image.getexif().get(_ORIENTATION_TAG)
    except _DECODER_ERRORS:
        return None  # damaged EXIF does not make the image itself unreadable
    return orientation


def _transpose(image: Image.Image, orientation: int | None) -> Image.Image:
    method = _TRANSPOSES.get(orientation or 1)
    return image if method is None else image.transpose(method)
