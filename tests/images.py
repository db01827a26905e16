"""Draw and encode small images in all formats that tests need."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def draw_picture(*, seed: int = 0, size: tuple[int, int] = (80, 60)) -> Image.Image:
    """Draw coloured noise, coarse enough to survive JPEG compression."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, image_format: str = "PNG") -> bytes:
    """Encode an image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, image_format)
    return file.getvalue()


def make_pixel_bomb(width: int = 16_000, height: int = 16_000) -> bytes:
    """Make a PNG of a few kilobytes that really has the 256 megapixels of its header."""
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


def list_forms() -> dict[str, bytes]:
    """Encode one image in many formats, colour modes, sizes and rotations, by name."""
    picture = draw_picture(seed=7, size=(120, 90))
    alpha = picture.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(picture.size))
    grey = np.asarray(picture.convert("L"))
    exif = Image.Exif()
    exif[0x0112] = 6
    jpeg_options: dict[str, dict[str, object]] = {
        "jpeg": {"quality": 90},
        "jpeg-4:4:4": {"quality": 95, "subsampling": 0},
        "jpeg-progressive": {"quality": 60, "progressive": True},
        "jpeg-rotated": {"quality": 90, "exif": exif},
    }
    forms = {
        "png": encode(picture),
        "webp": encode(picture, "WEBP"),
        "bmp": encode(picture, "BMP"),
        "gif": encode(picture, "GIF"),
        "tiff": encode(picture, "TIFF"),
        "ppm": encode(picture, "PPM"),
        "jpeg-cmyk": encode(picture.convert("CMYK"), "JPEG"),
        "jpeg-grey": encode(picture.convert("L"), "JPEG"),
        "png-palette": encode(picture.quantize(32)),
        "png-alpha": encode(alpha),
        "webp-alpha": encode(alpha, "WEBP"),
        "png-16-bit": encode(Image.fromarray(grey.astype(np.uint16) * 257)),
        "png-tiny": encode(picture.resize((3, 2))),
        "png-one-pixel": encode(picture.resize((1, 1))),
        "jpeg-huge": encode(picture.resize((2400, 1800)), "JPEG"),
        "png-narrow": encode(picture.resize((900, 20))),
    }
    for name, options in jpeg_options.items():
        file = io.BytesIO()
        picture.save(file, "JPEG", **options)
        forms[name] = file.getvalue()
    return forms
