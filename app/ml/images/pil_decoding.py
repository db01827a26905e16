"""Decode untrusted image files to RGB with Pillow, by the same rules in training and in serving.

- Formats: those of `app.ml.images.formats`; a JPEG may be an MPO. Forms that Pillow decodes in
  Python are rejected: one of them can take minutes.
- The pixel limit is checked on the header, before anything is decoded.
- An animation gives its first frame, a TIFF its first page. EXIF rotation is applied, from at most
  1 MiB of EXIF data; ICC profiles are not.
- 16 and 32 bits per channel keep their high byte (negative values become 0); floating-point values
  are scaled from 0..1. Pillow's own `convert("RGB")` would clip at 255 instead.
- Palettes and CMYK are converted to RGB; transparent pixels are blended with white.

Large images are converted piece by piece, so that memory stays below MAX_BYTES_PER_PIXEL. A decoder
cannot be stopped while it works, but it asks for its input in pieces of 64 KiB, and each time the
deadline is checked. TIFF, WebP and AVIF are decoded in one piece. So decoding begins only while the
time left is enough for PIXELS_PER_SECOND.
"""

import io
import struct
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from app.errors import DeadlineExceeded, ImageCorrupt, ImageTooLarge
from app.ml.images.formats import FORMATS, SNIFF_BYTES, identify, refuse
from app.ml.images.pixel_budget import PIXELS_IN_FLIGHT
from app.ml.images.tiff_check import check_tiff

PIXELS_PER_SECOND = 20_000_000
"""The slowest decoding that is reckoned with when an image is begun."""

_FORMATS = [one.name for one in FORMATS]
_PIECE_PIXELS = 1 << 20
_MAX_SCANS = 100
_MAX_EXIF_SEGMENTS = 16
_MAX_EXIF_BYTES = 1 << 20
_DECODER_ERRORS = (
    OSError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
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
    """The format of an image file, and its width and height as stored, before EXIF rotation.

    is_plain_jpeg is true for a JPEG with three channels and without EXIF rotation.
    """

    format: str
    width: int
    height: int
    is_plain_jpeg: bool = False

    @property
    def num_pixels(self) -> int:
        return self.width * self.height


def read_header(
    source: bytes | Path, *, max_pixels: int | None = None, deadline: float | None = None
) -> ImageHeader:
    """Read the header without decoding the image.

    deadline is a time of `time.monotonic`. Raises UnsupportedImage for other formats, ImageCorrupt
    for a damaged header, ImageTooLarge for more pixels than max_pixels, DeadlineExceeded.
    """
    with _open(source, deadline) as image:
        _check_num_pixels(image, max_pixels)
        return _describe(image)


@contextmanager
def decoded_image(
    source: bytes | Path,
    *,
    max_pixels: int | None = None,
    min_pixels: int | None = None,
    deadline: float | None = None,
) -> Iterator[Image.Image]:
    """Decode an image within the process's budget of pixels, for as long as the block runs.

    Parameters and errors are those of `decode_image`; the result must not outlive the block.
    """
    header = read_header(source, max_pixels=max_pixels, deadline=deadline)
    with PIXELS_IN_FLIGHT.reserve(header.num_pixels, deadline=deadline):
        yield decode_image(source, min_pixels=min_pixels, deadline=deadline)


def decode_image(
    source: bytes | Path,
    *,
    max_pixels: int | None = None,
    min_pixels: int | None = None,
    deadline: float | None = None,
) -> Image.Image:
    """Decode an image to mode RGB, 8 bits per channel.

    With min_pixels a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, as long as the longer side
    keeps so many pixels. That is faster and gives other pixels, so it is for thumbnails only.

    Raises what `read_header` raises, and ImageCorrupt for an image that is truncated or does not
    decode.
    """
    with _open(source, deadline) as image:
        _check_num_pixels(image, max_pixels)
        require_time(image.width * image.height, deadline)
        try:
            if min_pixels is not None:
                scale = min_pixels / max(image.size)
                image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
            image.load()
            orientation = _find_orientation(image)
            rgb = _to_rgb(image, deadline)
        except MemoryError as error:
            raise ImageTooLarge(
                "The image does not fit into memory. Send a smaller one."
            ) from error
        except _DECODER_ERRORS as error:
            raise ImageCorrupt(
                "The image is truncated or damaged and cannot be decoded. Save or export it again."
            ) from error
        del image
    return _transpose(rgb, orientation)


def require_time(num_pixels: int, deadline: float | None) -> None:
    """Raise DeadlineExceeded if the time left does not suffice to decode so many pixels."""
    if deadline is not None and time.monotonic() + num_pixels / PIXELS_PER_SECOND > deadline:
        raise DeadlineExceeded(
            f"The time left does not suffice to decode an image of {num_pixels} pixels; try again, "
            "or send a smaller one."
        )


class _TimedFile(io.BytesIO):
    """A file in memory that cannot be read after its deadline."""

    deadline: float | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        require_time(0, self.deadline)
        return super().read(size)


@contextmanager
def _open(source: bytes | Path, deadline: float | None) -> Iterator[Image.Image]:
    content = source if isinstance(source, bytes) else source.read_bytes()
    image_format = identify(content[:SNIFF_BYTES])
    if image_format == "TIFF":
        check_tiff(content)
    elif image_format == "JPEG":
        _check_jpeg(content)
    with _TimedFile(content) as file:
        file.deadline = deadline
        try:
            image = Image.open(file, formats=_FORMATS)
        except _DECODER_ERRORS as error:
            raise ImageCorrupt(
                "The image's header is damaged and cannot be read. Save or export the image again."
            ) from error
        with image:
            _refuse_slow_decoders(image)
            yield image


def _check_jpeg(content: bytes) -> None:
    """Raise ImageCorrupt for a JPEG that is small and takes minutes, by the number of its parts.

    Each scan goes over the whole image, and Pillow joins EXIF segments in quadratic time.
    """
    if content.count(b"\xff\xda") > _MAX_SCANS:
        raise ImageCorrupt(f"The JPEG has more than {_MAX_SCANS} scans. Save or export it again.")
    if content.count(b"Exif\0\0") > _MAX_EXIF_SEGMENTS:
        raise ImageCorrupt("The JPEG has more than 1 MiB of EXIF data. Save or export it again.")


def _refuse_slow_decoders(image: Image.Image) -> None:
    """Raise UnsupportedImage if Pillow decodes the image in Python, or a tile of it."""
    tiles = getattr(image, "tile", [])
    if tiles and tiles[0].codec_name in Image.DECODERS:
        name = "BMP with run-length compression"
        if image.format == "PPM":
            name = "PGM or PPM with another largest value than 255 (PGM: or 65535)"
        raise refuse(name)


def _check_num_pixels(image: Image.Image, max_pixels: int | None) -> None:
    if max_pixels is not None and image.width * image.height > max_pixels:
        raise ImageTooLarge(
            f"The image has {image.width} x {image.height} pixels; "
            f"at most {max_pixels} are allowed."
        )


def _describe(image: Image.Image) -> ImageHeader:
    name = "JPEG" if image.format == "MPO" else str(image.format)
    is_plain = name == "JPEG" and image.mode == "RGB"
    is_plain = is_plain and _find_orientation(image) not in _TRANSPOSES
    return ImageHeader(name, image.width, image.height, is_plain)


def _to_rgb(image: Image.Image, deadline: float | None) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    sample = _find_sample(image)
    if image.width * image.height <= _PIECE_PIXELS:
        return _flatten(_to_8_bits(image, sample))
    rgb = Image.new("RGB", image.size)
    width = min(image.width, _PIECE_PIXELS)
    height = max(_PIECE_PIXELS // width, 1)
    for top in range(0, image.height, height):
        for left in range(0, image.width, width):
            require_time(0, deadline)
            box = (left, top, min(left + width, image.width), min(top + height, image.height))
            rgb.paste(_flatten(_to_8_bits(image.crop(box), sample)), box)
    return rgb


def _to_8_bits(image: Image.Image, sample: tuple[int, bool]) -> Image.Image:
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0)
        return Image.fromarray(np.rint(values.clip(0.0, 1.0) * 255.0).astype(np.uint8))
    if image.mode == "I" or image.mode.startswith("I;16"):
        integers = np.asarray(image).astype(np.int64)
        bits, is_signed = sample
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
    if len(image.info.get("exif", b"")) > _MAX_EXIF_BYTES:
        return None
    try:
        orientation: int | None = image.getexif().get(_ORIENTATION_TAG)
    except _DECODER_ERRORS:
        return None  # damaged EXIF does not make the image itself unreadable
    return orientation


def _transpose(image: Image.Image, orientation: int | None) -> Image.Image:
    method = _TRANSPOSES.get(orientation or 1)
    return image if method is None else image.transpose(method)
