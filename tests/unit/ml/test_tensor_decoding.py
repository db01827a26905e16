import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from app.errors import ImageCorrupt, ImageTooLarge
from app.ml.images.pil_decoding import decode_image, read_header
from app.ml.images.preprocessing import to_pixels
from app.ml.images.tensor_decoding import decode_pixels


def picture(mode: str = "RGB", size: tuple[int, int] = (67, 45)) -> Image.Image:
    """Draw waves of colour, which exercise every step of JPEG."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = [127 + 120 * np.sin(x / a + y / b) for a, b in ((5, 9), (11, 4), (7, -6))]
    return Image.fromarray(np.stack(waves, axis=2).astype(np.uint8)).convert(mode)


def encode(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def rotated(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


PLAIN = {
    "4:4:4": encode(picture(), subsampling=0),
    "4:2:2": encode(picture(), subsampling=1),
    "4:2:0": encode(picture(), subsampling=2),
    "progressive": encode(picture(), progressive=True),
    "coarse": encode(picture(), quality=5),
    "one pixel": encode(picture(size=(1, 1))),
    "said to be upright": encode(picture(), exif=rotated(1)),
    "damaged inside": encode(picture())[:900] + b"\x12\x34" + encode(picture())[900:],
}
OTHERS = {
    "rotated": encode(picture(), exif=rotated(6)),
    "grey": encode(picture("L")),
    "CMYK": encode(picture("CMYK")),
    "PNG": encode(picture(), "PNG"),
}


@pytest.mark.parametrize("content", (PLAIN | OTHERS).values(), ids=(PLAIN | OTHERS).keys())
def test_fast_decoding_equals_pil_decoding(content: bytes) -> None:
    assert torch.equal(decode_pixels(content), to_pixels(decode_image(content)))


def test_only_plain_jpegs_use_the_fast_path() -> None:
    assert [name for name, content in PLAIN.items() if not read_header(content).is_plain_jpeg] == []
    assert [name for name, content in OTHERS.items() if read_header(content).is_plain_jpeg] == []


@pytest.mark.parametrize("content", [PLAIN["4:2:0"], OTHERS["grey"]])
def test_both_decoders_raise_the_same_errors(content: bytes) -> None:
    with pytest.raises(ImageCorrupt, match="truncated"):
        decode_pixels(content[: len(content) // 2])
    with pytest.raises(ImageTooLarge, match=f"at most {67 * 45 - 1}"):
        decode_pixels(content, max_pixels=67 * 45 - 1)
    assert decode_pixels(content, max_pixels=67 * 45).shape == (3, 45, 67)
