"""Images that are small and cost much, and formats that are refused by name."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from app.errors import DeadlineExceeded, ImageCorrupt, UnsupportedImage
from app.ml.images import pil_decoding, resampling
from app.ml.images.formats import FORMATS, identify
from app.ml.images.pil_decoding import decode_image, read_header
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels
from app.ml.images.tensor_decoding import decoded_pixels
from tests.images import draw_picture, encode


def file_type(*brands: bytes) -> bytes:
    body = brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + bytes(100)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"P1\n2 2\n0 1 1 0\n", r"PBM as text \(P1\)"),
        (b"P2\n2 2\n255\n0 1 1 0\n", r"PGM as text \(P2\)"),
        (b"P3\n1 1\n255\n0 1 1\n", r"PPM as text \(P3\)"),
        (b"P7\nWIDTH 1\n", "PAM"),
        (b"II+\0\x08\0\0\0", "BigTIFF"),
        (file_type(b"heic", b"mif1", b"heic"), "HEIC"),
        (file_type(b"mif1", b"mif1", b"heic"), "HEIC"),
        (b"\xff\x0a" + bytes(50), "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "RIFF without WebP"),
    ],
)
@pytest.mark.parametrize("read", [decode_image, read_header])
def test_known_formats_are_refused_by_name(
    read: Callable[[bytes], object], content: bytes, name: str
) -> None:
    with pytest.raises(UnsupportedImage, match=f"format is {name}.* Save it as JPEG or PNG"):
        read(content)


@pytest.mark.parametrize("content", [file_type(b"isom", b"mp42"), b"hello", b""])
def test_other_files_are_no_images(content: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="not an image in a supported format: JPEG"):
        read_header(content)


def test_every_format_of_the_list_is_read() -> None:
    picture = draw_picture()
    for image_format in FORMATS:
        content = encode(picture, image_format.name)
        assert identify(content[:64]) == image_format.name
        assert read_header(content)[:3] == (image_format.name, 80, 60)
        difference = np.asarray(decode_image(content)).astype(int) - np.asarray(picture)
        assert np.abs(difference).mean() < 8


def test_binary_pbm_pgm_and_ppm_are_read() -> None:
    assert decode_image(b"P4 8 1\n\xf0").getpixel((0, 0)) == (0, 0, 0)
    assert decode_image(b"P5 1 1 255\n\x07").getpixel((0, 0)) == (7, 7, 7)
    assert decode_image(b"P6 1 1 255\n\x01\x02\x03").getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize("magic", [b"P5", b"P6"])
def test_pixel_maps_that_pillow_decodes_in_python_are_refused(magic: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="another largest value than 255"):
        decode_image(magic + b" 1 1 1023\n" + bytes(6))


def test_a_bitmap_with_run_lengths_is_refused() -> None:
    header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 8, 1, 8, 0, 0, 2, 0)
    palette = bytes(8)
    start = struct.pack("<2sIHHI", b"BM", 14 + 40 + 8 + 8, 0, 0, 14 + 40 + 8)
    with pytest.raises(UnsupportedImage, match="BMP with run-length compression"):
        decode_image(start + header + palette + b"\x10\0\0\1" * 2)


def tiff(*entries: tuple[int, int, int, int], data: bytes = b"", order: str = "<") -> bytes:
    """Write a TIFF of one directory; the data begins behind it, at `data_start`."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    body = mark + struct.pack(f"{order}IH", 8, len(entries))
    for tag, kind, count, value in entries:
        shifted = value << 16 if (order, kind) == (">", 3) else value
        body += struct.pack(f"{order}2H2I", tag, kind, count, shifted)
    return body + bytes(4) + data


def tiled_tiff(tile: int, *, order: str = "<") -> bytes:
    packed = zlib.compress(b"\x40" * tile * tile)
    start = 8 + 2 + 12 * 10 + 4
    sizes = [(256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
    tiles = [(322, 4, 1, tile), (323, 4, 1, tile), (324, 4, 1, start), (325, 4, 1, len(packed))]
    return tiff(*sizes, (277, 3, 1, 1), *tiles, data=packed, order=order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiles_larger_than_the_image_are_refused(order: str) -> None:
    assert decode_image(tiled_tiff(64, order=order)).getpixel((15, 15)) == (64, 64, 64)
    with pytest.raises(ImageCorrupt, match="4194304 pixels each"):
        decode_image(tiled_tiff(2048, order=order))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tiff((273, 4, 8_000_000, 8), data=bytes(100)), "tag 273 has 8000000 values"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(100), "65535 tags"),
    ],
)
def test_tables_of_millions_of_values_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ImageCorrupt, match=message):
        read_header(content)


@pytest.mark.parametrize(
    ("entry", "name"),
    [((259, 3, 1, 34925), "TIFF with compression 34925"), ((50706, 1, 4, 0x401), "DNG")],
)
def test_odd_tiffs_are_refused_by_name(entry: tuple[int, int, int, int], name: str) -> None:
    with pytest.raises(UnsupportedImage, match=name):
        read_header(tiff((256, 4, 1, 1), (257, 4, 1, 1), entry))


def test_a_tiff_of_several_pages_is_its_first_page() -> None:
    file = io.BytesIO()
    pages = [Image.new("RGB", (9, 5), color) for color in ("red", "green")]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    assert decode_image(file.getvalue()).getpixel((0, 0)) == (255, 0, 0)


def test_a_jpeg_of_many_scans_is_refused() -> None:
    file = io.BytesIO()
    draw_picture().save(file, "JPEG", progressive=True)
    content = file.getvalue()
    assert decode_image(content).size == (80, 60)
    last = content.rindex(b"\xff\xda")
    with pytest.raises(ImageCorrupt, match="more than 100 scans"):
        read_header(content[:last] + content[last:-2] * 100 + b"\xff\xd9")


def test_a_jpeg_with_many_exif_segments_is_refused() -> None:
    content = encode(draw_picture(), "JPEG")
    segment = b"\xff\xe1\0\x0eExif\0\0MM\0*\0\0"
    assert decode_image(content[:2] + segment * 3 + content[2:]).size == (80, 60)
    with pytest.raises(ImageCorrupt, match="EXIF"):
        read_header(content[:2] + segment * 100 + content[2:])


def test_a_rotation_in_megabytes_of_exif_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    draw_picture().save(content, "PNG", exif=exif.tobytes() + bytes(2_000_000))
    assert decode_image(content.getvalue()).size == (80, 60)


@pytest.mark.parametrize(
    "mode", ["L", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F", "1", "transparent"]
)
def test_images_converted_in_pieces_are_the_same(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, image_format = draw_picture(size=(70, 50)), "PNG"
    options: dict[str, bytes] = {}
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    elif mode in {"I;16", "I", "F"}:
        grey = np.asarray(picture.convert("L")).astype(float) / 255
        scaled: dict[str, np.ndarray] = {
            "I;16": (65535 * grey).astype(np.uint16),
            "I": (grey * 2**31 - 7).astype(np.int32),
            "F": grey.astype(np.float32),
        }
        picture, image_format = Image.fromarray(scaled[mode]), "TIFF"
    elif mode == "transparent":
        picture, options = picture.quantize(8), {"transparency": bytes([0, 99, 255])}
    else:
        picture = picture.convert(mode)
        image_format = "TIFF" if mode == "CMYK" else "PNG"
    file = io.BytesIO()
    picture.save(file, image_format, **options)
    whole = decode_image(file.getvalue()).tobytes()
    for pixels in (9, 70 * 7):
        monkeypatch.setattr(pil_decoding, "_PIECE_PIXELS", pixels)
        assert decode_image(file.getvalue()).tobytes() == whole


def test_images_resized_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = PreprocessingSpec(input_size=24, resize_size=32)
    pixels = torch.randint(0, 256, (3, 150, 90), dtype=torch.uint8)
    whole = eval_pixels(pixels, spec)
    monkeypatch.setattr(resampling, "_MAX_FLOATS", 1000)
    assert torch.equal(eval_pixels(pixels, spec), whole)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_nothing_is_decoded_without_time(image_format: str) -> None:
    content = encode(draw_picture(), image_format)
    assert decode_image(content, deadline=time.monotonic() + 60).size == (80, 60)
    with pytest.raises(DeadlineExceeded), decoded_pixels(content, deadline=time.monotonic() - 1):
        pass
    # Too little for 4,800 pixels at the slowest rate, and enough to read a header.
    with pytest.raises(DeadlineExceeded, match="does not suffice"):
        decode_image(content, deadline=time.monotonic() + 4700 / pil_decoding.PIXELS_PER_SECOND)


def test_decoding_stops_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read in pieces; here the clock passes the deadline between two of them."""
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    content = encode(Image.fromarray(noise))
    reads: list[None] = []

    class Clock:
        @staticmethod
        def monotonic() -> float:
            reads.append(None)
            return float(len(reads))

    monkeypatch.setattr(pil_decoding, "time", Clock)
    decode_image(content, deadline=1e9)
    num_reads = len(reads)
    assert num_reads > 8
    reads.clear()
    with pytest.raises(DeadlineExceeded):
        decode_image(content, deadline=num_reads - 3.0)
    assert len(reads) <= num_reads - 2
