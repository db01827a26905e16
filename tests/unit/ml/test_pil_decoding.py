import io
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageCorrupt, ImageTooLarge, UnsupportedImage
from app.ml.images.pil_decoding import decode_image, read_header

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def encode(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def solid(mode: str, color: object, size: tuple[int, int] = (8, 6)) -> Image.Image:
    return Image.new(mode, size, color)  # type: ignore[arg-type]


def colors(image: Image.Image) -> set[object]:
    return {color for _, color in image.getcolors(maxcolors=10_000) or []}


def gray(content: bytes) -> np.ndarray:
    image = decode_image(content)
    assert image.mode == "RGB"
    channels = np.asarray(image)
    assert (channels == channels[..., :1]).all()
    return channels[..., 0]


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "PPM", "TIFF", "GIF"])
def test_lossless_formats_keep_their_pixels(file_format: str) -> None:
    image = decode_image(encode(solid("RGB", RED), file_format))
    assert (image.mode, image.size, colors(image)) == ("RGB", (8, 6), {RED})


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
def test_lossy_formats_are_approximately_equal(file_format: str) -> None:
    image = decode_image(encode(solid("RGB", (200, 100, 50), (64, 64)), file_format))
    assert np.abs(np.asarray(image).astype(int) - (200, 100, 50)).max() <= 4


def test_a_path_and_its_bytes_decode_alike(tmp_path: Path) -> None:
    content = encode(solid("RGB", GREEN))
    (tmp_path / "image").write_bytes(content)
    assert decode_image(tmp_path / "image").tobytes() == decode_image(content).tobytes()
    assert read_header(tmp_path / "image") == read_header(content) == ("PNG", 8, 6, False)


def test_cmyk_is_converted() -> None:
    image = decode_image(encode(solid("CMYK", (0, 255, 255, 0), (16, 16)), "JPEG"))
    red, green, blue = np.asarray(image).astype(int).mean((0, 1))
    assert red > 250
    assert green < 5
    assert blue < 5


def test_a_palette_is_looked_up() -> None:
    assert colors(decode_image(encode(solid("RGB", BLUE).quantize(4)))) == {BLUE}


def test_a_transparent_palette_entry_is_white() -> None:
    paletted = solid("RGB", BLUE).quantize(4)
    content = encode(paletted, transparency=bytes([0, 255, 255, 255]))
    assert colors(decode_image(content)) == {(255, 255, 255)}


@pytest.mark.parametrize(
    ("mode", "color", "seen"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (0, 255), (0, 0, 0)),
    ],
)
def test_transparency_is_blended_with_white(
    mode: str, color: object, seen: tuple[int, ...]
) -> None:
    assert colors(decode_image(encode(solid(mode, color)))) == {seen}


def test_a_transparent_colour_is_white() -> None:
    image = solid("RGB", RED)
    image.putpixel((0, 0), BLUE)
    assert colors(decode_image(encode(image, transparency=RED))) == {(255, 255, 255), BLUE}


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_is_its_first_frame(file_format: str) -> None:
    frames = [solid("RGB", color, (16, 16)) for color in (RED, GREEN, BLUE)]
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encode(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert colors(decode_image(content)) == {RED}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG"])
def test_exif_rotation_is_undone(file_format: str, orientation: int) -> None:
    stored = np.zeros((16, 24, 3), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(Image.fromarray(stored), file_format, exif=exif)
    seen = np.asarray(decode_image(content)).astype(int)
    assert seen.shape[:2] == ((16, 24) if orientation < 5 else (24, 16))
    rows, columns = np.nonzero(seen[..., 0] > 128)
    corner = (rows.mean() < seen.shape[0] / 2, columns.mean() < seen.shape[1] / 2)
    top_left, top_right = (True, True), (True, False)
    bottom_right, bottom_left = (False, False), (False, True)
    assert corner == {
        1: top_left,
        2: top_right,
        3: bottom_right,
        4: bottom_left,
        5: top_left,
        6: top_right,
        7: bottom_right,
        8: bottom_left,
    }.get(orientation)


def test_damaged_exif_is_ignored() -> None:
    content = encode(solid("RGB", RED, (16, 8)), "JPEG", exif=b"Exif\0\0broken!!")
    assert decode_image(content).size == (16, 8)


RAMP_16 = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "PPM"])
def test_16_bit_greyscale_keeps_its_high_byte(file_format: str) -> None:
    assert (gray(encode(Image.fromarray(RAMP_16), file_format)) == RAMP_16 >> 8).all()


def test_16_bit_big_endian_greyscale_keeps_its_high_byte() -> None:
    content = encode(Image.fromarray(RAMP_16.astype(">u2")), "TIFF")
    assert (gray(content) == RAMP_16 >> 8).all()


def write_png(width: int, height: int, bit_depth: int, color_type: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_16_bit_colour_keeps_its_high_byte() -> None:
    pixels = b"".join(struct.pack(">HHH", 65535, 32768, 255) for _ in range(4))
    image = decode_image(write_png(4, 1, 16, 2, b"\0" + pixels))
    assert colors(image) == {(255, 128, 0)}


def test_32_bit_integers_keep_their_high_byte_and_negative_ones_are_black() -> None:
    values = np.array([[0, 2**30, 2**31 - 1, -5]], np.int32)
    assert gray(encode(Image.fromarray(values), "TIFF")).tolist() == [[0, 128, 255, 0]]


def test_floating_point_is_scaled_from_0_to_1() -> None:
    values = np.array([[0.0, 0.5, 1.0, 7.0, -1.0, np.nan]], np.float32)
    assert gray(encode(Image.fromarray(values), "TIFF")).tolist() == [[0, 128, 255, 255, 0, 0]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\1\0\1\0\x10\x10" + bytes(64),
        b"\0" * 4096,
    ],
    ids=["empty", "text", "pdf", "svg", "ico", "zeros"],
)
@pytest.mark.parametrize("read", [decode_image, read_header])
def test_other_formats_are_unsupported(read: Callable[[bytes], object], content: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        read(content)


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "PPM", "TIFF", "GIF"]
)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_images_are_corrupt(file_format: str, kept: float) -> None:
    content = encode(Image.fromarray(NOISE), file_format)
    with pytest.raises(ImageCorrupt):
        decode_image(content[: int(len(content) * kept)])


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "PPM", "TIFF", "GIF"]
)
def test_damaged_images_decode_or_raise_image_corrupt(file_format: str) -> None:
    random = np.random.default_rng(1)
    content = encode(Image.fromarray(NOISE[:16, :16]), file_format)
    num_refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for position in random.integers(0, len(content), 4):
            damaged[position] = random.integers(256)
        try:
            decode_image(bytes(damaged), max_pixels=10_000)
        except (ImageCorrupt, ImageTooLarge, UnsupportedImage):
            num_refused += 1
    assert num_refused > 0


def test_a_pixel_bomb_is_rejected_by_its_header() -> None:
    bomb = write_png(16_000, 16_000, 8, 2, b"")
    assert read_header(bomb)[:3] == ("PNG", 16_000, 16_000)
    with pytest.raises(ImageTooLarge, match="16000 x 16000"):
        decode_image(bomb, max_pixels=100_000_000)


def test_the_pixel_cap_is_inclusive() -> None:
    content = encode(solid("RGB", RED, (10, 10)))
    assert decode_image(content, max_pixels=100).size == (10, 10)
    with pytest.raises(ImageTooLarge):
        decode_image(content, max_pixels=99)


def test_threads_decode_in_parallel() -> None:
    contents = [encode(Image.fromarray(NOISE), name) for name in ("PNG", "TIFF", "BMP")] * 8
    seen: list[bytes] = []

    def decode(content: bytes) -> None:
        seen.append(decode_image(content).tobytes())

    threads = [threading.Thread(target=decode, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [NOISE.tobytes()] * len(contents)
